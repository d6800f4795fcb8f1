"""The seal: who signed, whether the signature holds, and whether what was signed is what lies here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cognify_core.errors import SigningKeyError, VerificationError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import manifest_of
from cognify_core.seal.sealing import seal_statement
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import LINEAGE_SUBJECT, RECORD_SUBJECT, RecordSummary, SealStatement
from cognify_core.verify.report import Finding, contradicts, holds, unchecked
from cognify_core.verify.timestamp_check import NO_CLOCKS, Clocks, check_timestamps


def check_signature(
    bundle: Bundle, carried: bytes | None, trusted: Sequence[PublicKey], what: str, clocks: Clocks = NO_CLOCKS
) -> Iterator[Finding]:
    """Check a bundle's signature, with a trusted key where one made it, else with the key that came along.

    The timestamps over it are checked as well.

    Args:
        bundle: the bundle, opened.
        carried: PEM of the key that lies beside the bundle. It proves nothing about who signed.
        trusted: the pinned keys.
        what: what the bundle is, as in `the seal`.
        clocks: what is known here of time stamping authorities.
    """
    key, wrong = _carried_key(carried, what)
    yield from wrong
    signer = next((pin for pin in trusted if _signed(bundle, pin)), None)
    if signer is None and key is not None and _signed(bundle, key):
        yield holds("signature", f"{what}: the signature of the key that came along, {key.key_id[:16]}…, holds")
        yield _unpinned(key.key_id, trusted, what)
    elif signer is not None:
        yield holds("signature", f"{what}: the signature of {signer.key_id[:16]}… holds")
        yield holds("signer", f"{what}: signed with the pinned key {signer.key_id[:16]}…", "signer")
    elif key is None and not any(pin.key_id == bundle.key_id for pin in trusted):
        yield unchecked(
            "signature", f"{what}: there is no key to check the signature with; it names {bundle.key_id[:16]}…"
        )
    else:
        yield contradicts("signature", f"{what}: the signature does not hold: another key, or another statement")
    true_key = signer or key
    yield from check_timestamps(bundle, clocks, what)
    if true_key is not None and bundle.key_id != true_key.key_id:
        yield contradicts("key_id", f"{what}: names the key {bundle.key_id[:16]}…, not {true_key.key_id[:16]}…")
    if true_key is not None and bundle.dsse_key_id not in (None, true_key.dsse_key_id):
        yield contradicts("key_id", f"{what}: its envelope names another key than the one that signed")
    if signer is not None and key is not None and key != signer:
        yield contradicts(
            "public_key", f"{what}: the key that came along, {key.key_id[:16]}…, is not the one that signed"
        )


def check_statement(run: SealedRun, statement: SealStatement, where: str = "") -> Iterator[Finding]:
    """Compare a signed statement with the statement that the record itself calls for, field by field.

    The record has been checked and reads; a lineage that does not fold is a `FormatError` for the caller.
    """
    said = statement.predicate
    expected = seal_statement(run.record, said.sealed_at, said.log, said.received)
    for field in type(expected.predicate).model_fields:
        signed, found = getattr(statement.predicate, field), getattr(expected.predicate, field)
        if signed != found:
            yield contradicts(
                f"seal_{field}", f"{where}the seal says {field} {_short(signed)}, and the record {_short(found)}"
            )
    yield from _compare_subjects(statement.digests, expected.digests, where)
    if statement.subject != expected.subject and statement.digests == expected.digests:
        yield contradicts("seal_subjects", f"{where}the seal names its subjects in another order than the record")


def check_raw_record(run: SealedRun, statement: SealStatement, where: str = "") -> Iterator[Finding]:
    """Compare length and root alone, for a record that does not read."""
    found, signed = manifest_of(run.run_id, run.events), statement.manifest
    if found.digest != statement.digests.get(RECORD_SUBJECT):
        yield contradicts(
            "seal_record",
            f"{where}the seal was made over {signed.size} events under the root {signed.root} of {signed.run_id}, and "
            f"here are {found.size} under {found.root} of {found.run_id}",
        )


def _compare_subjects(signed: Mapping[str, Digest], found: Mapping[str, Digest], where: str) -> Iterator[Finding]:
    for name in sorted(signed.keys() | found.keys()):
        if signed.get(name) == found.get(name):
            continue
        code = {RECORD_SUBJECT: "seal_record", LINEAGE_SUBJECT: "seal_lineage"}.get(name, "seal_artifact")
        yield contradicts(
            code, f"{where}{name}: signed {signed.get(name, 'not at all')}, here {found.get(name, 'not at all')}"
        )


def _carried_key(carried: bytes | None, what: str) -> tuple[PublicKey | None, list[Finding]]:
    if carried is None:
        return None, []
    try:
        return PublicKey(carried), []
    except SigningKeyError as error:
        return None, [contradicts("public_key", f"{what}: the key that came along cannot be used: {error}")]


def key_that_signed(bundle: Bundle, carried: bytes | None, trusted: Sequence[PublicKey]) -> PublicKey | None:
    """The key that made a bundle's signature, of those that are trusted and the one that came along."""
    key, _ = _carried_key(carried, "")
    return next((each for each in (*trusted, *((key,) if key else ())) if _signed(bundle, each)), None)


def _signed(bundle: Bundle, key: PublicKey) -> bool:
    try:
        bundle.verify(key)
    except VerificationError:
        return False
    return True


def _unpinned(key_id: str, trusted: Sequence[PublicKey], what: str) -> Finding:
    pinned = f"none of the {len(trusted)} pinned keys" if trusted else "no key is pinned"
    return unchecked(
        "signer",
        f"{what}: signed with {key_id}, {'which is ' if trusted else 'and '}{pinned}; if the signer gave you that id "
        "by another way, pin it with `cognify keys trust FILE` or `--key FILE`; else take this for a forgery",
        "signer",
    )


def _short(value: object) -> str:
    if isinstance(value, RecordSummary):
        return f"{value.size} events under the root {value.root}"
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
