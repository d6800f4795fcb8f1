"""A seal's proof of its place: every field of it changed, dropped, or taken from another, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import encode
from cognify_core.errors import CognifyError, FormatError, VerificationError
from cognify_core.export.inputs import SealedRun
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import LeafBody, leaf_of
from cognify_core.seal.ledger_file import ProofFile
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.sealing import seal_statement
from cognify_core.verify.ledger_check import Logs
from cognify_core.verify.package import check_package
from cognify_core.verify.report import Report
from tests.factories import SIGNER, sealed_run
from tests.ledger.logs import OtherLog, logged
from tests.ledger.test_notes import signer
from tests.tamper.packaging import TRUSTED, package

JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
LOG = signer()
RUN = logged(LOG, before=5)
ENTRY: dict[str, Any] = RUN.envelope.log_entries[0]
PROOF = LedgerProof.parse(ENTRY)


def verify(run: SealedRun, *, pinned: bool = True) -> Report:
    return check_package(package(run), trusted=TRUSTED, logs=Logs((LOG.key,) if pinned else ()))


def with_entries(*entries: Any) -> SealedRun:
    return replace(RUN, bundle=replace(RUN.envelope, log_entries=entries).encode())


def test_a_seal_proves_its_place_offline() -> None:
    report = verify(RUN)
    assert (report.exit_code, report.verdict("ledger"), report.verdict("anchor")) == (0, "ok", "unchecked")
    assert "leaf 5 of 6" in next(each.message for each in report.findings if each.section == "ledger")


def test_a_log_that_nobody_pinned_is_shown_and_not_believed() -> None:
    report = verify(RUN, pinned=False)
    assert (report.exit_code, report.verdict("ledger")) == (0, "unchecked")
    assert str(LOG.key) in next(each.message for each in report.findings if each.section == "ledger")


def test_a_seal_without_a_ledger_still_verifies() -> None:
    report = check_package(package(), trusted=TRUSTED, logs=Logs((LOG.key,)))
    assert (report.exit_code, report.verdict("ledger")) == (0, "unchecked")


def test_a_proof_that_was_taken_away_is_missed() -> None:
    assert verify(with_entries()).codes >= {"ledger_missing"}


def test_a_proof_said_twice_is_refused() -> None:
    assert verify(with_entries(ENTRY, ENTRY)).codes >= {"ledger_proof"}


def test_a_proof_in_another_log_is_refused() -> None:
    other = logged(signer(2), before=5, named=LOG.key)
    report = verify(other)
    assert any("signed for the ledger" in finding.message for finding in report.contradictions)


def test_a_proof_of_a_log_that_the_seal_does_not_name_does_not_pass_for_one() -> None:
    plain = sealed_run()
    bundle = OtherLog(LOG, before=5).prove(plain.envelope)
    report = check_package(package(replace(plain, bundle=bundle.encode())), trusted=TRUSTED)
    assert (report.exit_code, report.codes >= {"proofs"}) == (2, True)


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*at, name)
        yield from paths(inner, (*at, name))


def edit(path: tuple[str | int, ...], change: Callable[[Any, Any], object]) -> Any:
    entry = json.loads(json.dumps(ENTRY))
    part = entry
    for name in path[:-1]:
        part = part[name]
    change(part, path[-1])
    return entry


def drop(part: Any, name: Any) -> None:
    del part[name]


def put(new: Any) -> Callable[[Any, Any], None]:
    def change(part: Any, name: Any) -> None:
        part[name] = new

    return change


def flip(part: Any, name: Any) -> None:
    text = part[name]
    part[name] = text if not isinstance(text, str) else ("B" if text[:1] != "B" else "C") + text[1:]


CHANGES = {
    "drop": drop,
    "null": put(None),
    "number": put(7),
    "empty": put(""),
    "list": put([]),
    "flip": flip,
    "zero": put("0"),
    "base64": put("AAAA"),
    "long": put("9" * 40),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", list(paths(ENTRY)), ids=lambda path: ".".join(map(str, path)))
def test_every_field_of_a_proof_counts(path: tuple[str | int, ...], change: str) -> None:
    entry = edit(path, CHANGES[change])
    if encode(entry) == encode(ENTRY):
        pytest.skip("this changes nothing here")
    report = verify(with_entries(entry))
    assert (report.exit_code, report.codes & {"ledger_proof", "bundle_form"}) == (
        1,
        report.codes & {"ledger_proof", "bundle_form"},
    )
    assert report.codes & {"ledger_proof", "bundle_form"}


def test_a_hash_more_or_fewer_is_refused() -> None:
    for hashes in (PROOF.hashes[:-1], (*PROOF.hashes, b"\0" * 32), PROOF.hashes[::-1]):
        report = verify(with_entries(replace(PROOF, hashes=hashes).to_json()))
        assert "ledger_proof" in report.codes


def test_another_place_in_the_same_tree_is_refused() -> None:
    for index in (0, 4, 6, 2**40):
        assert "ledger_proof" in verify(with_entries(replace(PROOF, index=index).to_json())).codes


def test_the_proof_of_another_seal_is_refused() -> None:
    other = logged(LOG, before=5, sealed_at="2025-09-12T16:45:01Z")
    report = verify(with_entries(other.envelope.log_entries[0]))
    assert any("the leaf is not that of this statement" in finding.message for finding in report.contradictions)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_a_proof_or_refused(value: Any) -> None:
    with pytest.raises(CognifyError):
        LedgerProof.parse(value)


def test_a_leafs_body_is_read_back_and_only_in_its_one_form() -> None:
    leaf = leaf_of(RUN.envelope, SIGNER.public_key)
    body = LeafBody.parse(leaf.body)
    assert body.encode() == leaf.body
    body.check(leaf.payload)
    with pytest.raises(VerificationError, match="not the one whose digest"):
        body.check(leaf.payload + b" ")
    with pytest.raises(VerificationError, match="did not sign"):
        replace(body, signature=sealed_run().envelope.signature).check(leaf.payload)
    for other in (
        b"",
        b"{}",
        leaf.body + b" ",
        leaf.body.replace(b"0.0.2", b"0.0.1"),
        leaf.body.replace(b"SHA2", b"SHA3"),
    ):
        with pytest.raises(FormatError):
            LeafBody.parse(other)


def test_a_proof_file_is_read_back_and_only_in_its_one_form() -> None:
    file = ProofFile.of(PROOF)
    data = file.encode()
    assert ProofFile.parse(data) == file
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 5\n")
    for other in (
        b"",
        data.replace(b"v1", b"v2"),
        data.replace(b"index 5", b"index 05"),
        data.replace(b"index 5", b"extra AAAA\nindex 5"),
        data.replace(b"\n\n", b"\n", 1),
        data[:-1],
    ):
        with pytest.raises(FormatError):
            ProofFile.parse(other)


def test_what_a_seal_says_of_its_log_is_signed() -> None:
    record = RUN.record
    other = Bundle.signed(seal_statement(record, RUN.statement.predicate.sealed_at).encode(), SIGNER)
    moved = replace(other, log_entries=(ENTRY,))
    report = verify(replace(RUN, bundle=moved.encode()))
    assert "ledger_proof" in report.codes


def test_packages_of_before_there_was_a_ledger_verify_for_ever() -> None:
    goldens = Path(__file__).parents[1] / "data" / "goldens"
    assert b'"log"' not in (goldens / "package.json").read_bytes()
