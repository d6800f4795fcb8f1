"""One sealed run, or addendum: its events, its seal, its manifests. The same checks for packages and for stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cognify_core.canonical import parse
from cognify_core.errors import FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import Received
from cognify_core.verify.ledger_check import NO_LOGS, Logs, check_ledger
from cognify_core.verify.record_check import capped_each, check_events
from cognify_core.verify.report import Finding, contradicts, holds, unchecked
from cognify_core.verify.seal_check import check_raw_record, check_signature, check_statement, key_that_signed
from cognify_core.verify.timestamp_check import check_claimed_time


def check_sealed_run(
    run: SealedRun, trusted: Sequence[PublicKey], *, carried: bytes | None, where: str = "", logs: Logs = NO_LOGS
) -> list[Finding]:
    """Everything that can be said of one sealed run from its own bytes.

    Args:
        run: the bytes.
        trusted: the pinned keys.
        carried: PEM of the key that came along, if one did.
        where: what every message begins with, as in `addendum 1: `.
        logs: what is known here of logs.
    """
    about_record = check_events(run, where)
    readable = not any(
        finding.code in ("event_form", "event_order", "event_run", "run_opened", "run_closed")
        for finding in about_record
    )
    findings = about_record or [
        holds("record", f"{where}{len(run.events)} events, each in its place, from opening to closing")
    ]
    findings += _check_seal(run, trusted, carried, where, logs, readable=readable)
    return findings + (_check_manifests(run, where) if readable else [])


def _check_seal(
    run: SealedRun, trusted: Sequence[PublicKey], carried: bytes | None, where: str, logs: Logs, *, readable: bool
) -> list[Finding]:
    try:
        bundle = run.envelope
    except FormatError as error:
        return [contradicts("bundle_form", f"{where}the seal: {error}")]
    findings = list(check_signature(bundle, carried, trusted, f"{where}the seal", logs.clocks))
    try:
        statement = run.statement
    except FormatError as error:
        return [*findings, contradicts("statement_form", f"{where}the seal: {error}")]
    try:
        check = check_statement if readable else check_raw_record
        found = capped_each(check(run, statement, where), where)
    except FormatError as error:
        found = [contradicts("lineage_form", f"{where}{error}")]
    if not found and readable:
        found = [
            holds("seal", f"{where}record, lineage and {len(statement.subject) - 2} artifacts are what was signed")
        ]
    key = key_that_signed(bundle, carried, trusted)
    placed = list(check_ledger(bundle, key, statement.predicate.log, logs, f"{where}the seal"))
    placed += _check_received(statement.predicate.received, key in trusted, f"{where}the seal")
    placed += check_claimed_time(bundle, logs.clocks, statement.predicate.sealed_at, f"{where}the seal")
    return [*findings, *found, *placed, *_no_anchor(run, [*findings, *placed], logs, where)]


def _check_received(received: Received | None, signer_known: bool, what: str) -> Iterator[Finding]:
    """What a signer says that received the record while it was written: its word, as far as it is known here."""
    if received is not None:
        told = f"{what}: remote record: whoever signed had its first event at {received.first} and its last at "
        told += f"{received.last}, in {received.parts} parts"
        yield holds("received", told, "anchor") if signer_known else unchecked("received", told, "anchor")


def _no_anchor(run: SealedRun, findings: Sequence[Finding], logs: Logs, where: str) -> Iterator[Finding]:
    """What is to be said of a seal that nothing dates, or nothing of the kind that was asked for."""
    if not any(finding.section == "anchor" for finding in findings):
        told = f"nothing but the signer's clock dates the seal; time: {run.statement.predicate.time}"
        yield unchecked("anchor", f"{where}{told}", "anchor")
    if logs.clocks.required and not any(finding.code == "timestamp" for finding in findings):
        yield unchecked("no_timestamp", f"{where}the seal carries no timestamp, and one was asked for", "anchor")


def _check_manifests(run: SealedRun, where: str) -> list[Finding]:
    named = {str(digest): form for digest, form in run.record.manifest_digests.items()}
    owners = _owners(run)
    missing = [name for name in named if name not in run.manifests]
    told = [f"{where}the manifest {name} of {owners[name]} ({named[name]}) is not here" for name in missing]
    findings = [contradicts("manifest_missing", message) for message in told]
    for name, data in run.manifests.items():
        what = f"{where}the manifest {name} of {owners.get(name, 'nothing')}"
        findings += _check_manifest(name, data, named.get(name), what)
    return capped_each(findings, where) or [
        holds("manifests", f"{where}{len(named)} manifests, each with the digest that the record names")
    ]


def _check_manifest(name: str, data: bytes, form: str | None, what: str) -> Iterator[Finding]:
    if str(Digest.of(data)) != name:
        yield contradicts("manifest_bytes", f"{what} was changed: its digest is {Digest.of(data)}")
    elif form is None:
        yield contradicts("manifest_stray", f"{what} is not named by the record")
    elif not _has_format(data, form):
        yield contradicts("manifest_format", f"{what} is not {form}, as the record says")


def _owners(run: SealedRun) -> dict[str, str]:
    """What names each manifest, by the manifest's digest."""
    ids: dict[str, dict[str, None]] = {}
    for body in (event.body for event in run.record.events):
        for digest in body.manifests():
            ids.setdefault(str(digest), {})[str(getattr(body, "id", body.kind))] = None
    return {name: ", ".join(owners) for name, owners in ids.items()}


def _has_format(data: bytes, form: str) -> bool:
    """Whether a manifest names its own format: in its first line, or as canonical JSON under `format`."""
    if data.startswith(b"#"):
        return data.split(b"\n", 1)[0] == b"# " + form.encode()
    try:
        value = parse(data)
    except FormatError:
        return False
    return isinstance(value, dict) and value.get("format") == form
