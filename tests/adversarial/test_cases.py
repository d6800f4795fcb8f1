"""Every field of package, addendum, bundle, proof, note, statement and receipt: changed, swapped, doubled, dropped.

Each is refused with a contradiction that belongs to the place, none of them raises, and the example that checks without
Cognify refuses each as well. What a forger with the signer's own key can do is tried too: he is held to the record.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cognify_core.canonical import encode, parse
from cognify_core.seal.bundle import Bundle
from cognify_core.verify.package import check_package
from cognify_core.verify.report import Report
from tests.adversarial.altering import FEW, MOST, Case, by_place, cases
from tests.adversarial.originals import LOGS, OTHER, PLAIN, TRUE, Original
from tests.factories import OTHER_SIGNER, SIGNER
from tests.tamper.keeping import keep
from tests.tamper.offline import offline
from tests.tamper.packaging import TRUSTED

pytestmark = pytest.mark.timeout(20)
VIEWS = frozenset({"gaps", "grc_records", "schema", "renderer"})
"""What the receipt alone speaks of: the example cannot compute it."""

PACKAGE, OTHER_PACKAGE = parse(TRUE.package), parse(OTHER.package)
ADDENDUM, OTHER_ADDENDUM = PACKAGE["addenda"][0], OTHER_PACKAGE["addenda"][0]
BUNDLE, OTHER_BUNDLE = (parse(value["seal"]["bundle"].encode()) for value in (PACKAGE, OTHER_PACKAGE))
RECEIPT, OTHER_RECEIPT = parse(TRUE.receipt), parse(OTHER.receipt)
NOTE = BUNDLE["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"]


def check(data: bytes, receipt: bytes | None = None) -> Report:
    report = check_package(data, trusted=TRUSTED, receipt=receipt, logs=LOGS)
    keep(data, report, trusted=TRUSTED, receipt=receipt, logs=LOGS.pinned)
    return report


def refused(report: Report, codes: set[str], said: str = "") -> None:
    """It contradicts, and one of the contradictions is of these codes and says so."""
    assert report.exit_code == 1, sorted(report.codes)
    found = {each.code for each in report.contradictions if said in each.message}
    assert found & codes, [f"{each.code}: {each.message}" for each in report.contradictions]


def with_bundle(change: Callable[[Any], Any], part: Callable[[Any], Any] = lambda value: value) -> bytes:
    """The package with another bundle for the seal of a part."""
    value = json.loads(json.dumps(PACKAGE))
    seal = part(value)["seal"]
    seal["bundle"] = encode(change(parse(seal["bundle"].encode()))).decode()
    return encode(value)


def every(made: list[Case]) -> Callable[[Callable[[Case], None]], Callable[[list[Case]], None]]:
    """Try a test with all cases, those of one place in one test."""

    def wrap(test: Callable[[Case], None]) -> Callable[[list[Case]], None]:
        @pytest.mark.parametrize("place", by_place(made), ids=lambda place: ".".join(map(str, place[0].path))[:60])
        def tried(place: list[Case]) -> None:
            for case in place:
                test(case)

        tried.__name__ = test.__name__
        return tried

    return wrap


def computed(case: Case) -> bool:
    """Whether the example computes it, so that not even a receipt of the signer's makes it believe otherwise."""
    return case.path[0] not in VIEWS and case.path[:2] != ("seal", "anchor") and not case.adds_a_key


def few_rows(value: Any) -> Any:
    """A package with two of its flat rows and two events to alter; the others are like these."""
    return {**value, "grc_records": value["grc_records"][:2], "addenda": []}


def test_the_originals_hold() -> None:
    for each in (TRUE, OTHER, PLAIN):
        report = check(each.package, each.receipt)
        assert report.exit_code == 0, sorted(report.codes)
        assert report.verdict("ledger") == ("ok" if each.logged else "unchecked")
        assert offline(each.package, TRUSTED, each.receipt) == 0


def test_there_are_very_many() -> None:
    assert sum(len(each) for each in ALL) >= 1000


IN_PACKAGE = cases(few_rows(PACKAGE), few_rows(OTHER_PACKAGE), FEW)


@every(IN_PACKAGE)
def test_a_package(case: Case) -> None:
    data = encode(case.of(PACKAGE, OTHER_PACKAGE))
    key = str(case.path[0])
    own = {f"package_{key}", "package_form", "package_key", "seal_record", "seal_run_id", "bundle_form", "signature"}
    own |= {"manifest_bytes", "manifest_missing", "manifest_stray", "event_form", "event_order", "event_run", "run_id"}
    own |= {"addendum_order", "public_key", "addendum_run", "run_opened", "run_closed", "lineage_form"}
    report = check(data)
    assert report.exit_code != 0
    if key != "renderer":  # of a renderer that is not known, nothing is known
        refused(report, own)
    assert offline(data, TRUSTED, TRUE.receipt) == 1
    if computed(case):
        assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


IN_ADDENDUM = cases(few_rows(ADDENDUM | {"grc_records": []}), OTHER_ADDENDUM, FEW)


@every([case for case in IN_ADDENDUM if case.path[0] not in ("grc_records", "addenda")])
def test_an_addendum(case: Case) -> None:
    data = encode(PACKAGE | {"addenda": [case.of(ADDENDUM, OTHER_ADDENDUM)]})
    report = check(data)
    assert report.exit_code == 1
    assert "package_form" in report.codes or any("addendum 1" in each.message for each in report.contradictions)
    if computed(case):
        assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


IN_BUNDLE = cases(BUNDLE, OTHER_BUNDLE, MOST)
OF_BUNDLE = {"bundle_form", "signature", "key_id", "statement_form", "seal_run_id", "seal_record", "proofs"}
OF_PROOF = {"ledger_proof", "ledger_missing", "bundle_form"}


@every(IN_BUNDLE)
def test_a_bundle_and_its_proof(case: Case) -> None:
    data = with_bundle(lambda bundle: case.of(bundle, OTHER_BUNDLE))
    refused(check(data), OF_PROOF if "tlogEntries" in case.path else OF_BUNDLE | OF_PROOF)
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


@every(cases(BUNDLE, OTHER_BUNDLE, FEW))
def test_the_bundle_of_an_addendum(case: Case) -> None:
    theirs = parse(OTHER_ADDENDUM["seal"]["bundle"].encode())
    data = with_bundle(lambda bundle: case.of(bundle, theirs), lambda value: value["addenda"][0])
    if data != TRUE.package:
        refused(check(data), OF_BUNDLE | OF_PROOF, "addendum 1")
        assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


IN_RECEIPT = cases(RECEIPT, OTHER_RECEIPT, (*FEW, "null"))


@every(IN_RECEIPT)
def test_a_receipt(case: Case) -> None:
    receipt = encode(case.of(RECEIPT, OTHER_RECEIPT))
    own = {"receipt_form", "receipt_signature", "receipt_key_id", "receipt_package", "receipt_ledger_proof"}
    refused(check(TRUE.package, receipt), own | {"receipt_ledger_missing"})
    assert offline(TRUE.package, TRUSTED, receipt) == 1


LINES = [
    (at, how)
    for at in range(len(NOTE.split("\n")))
    for how in ("drop", "twice", "flip", "swap", "empty", "space", "cr")
]


def altered_note(at: int, how: str) -> str:
    lines = NOTE.split("\n")
    match how:
        case "drop":
            del lines[at]
        case "twice":
            lines.insert(at, lines[at])
        case "flip":
            lines[at] = ("B" if lines[at][:1] != "B" else "C") + lines[at][1:]
        case "swap":
            lines[at - 1], lines[at] = lines[at], lines[at - 1]
        case "empty":
            lines[at] = ""
        case "space":
            lines[at] += " "
        case "cr":
            lines[at] += "\r"
    return "\n".join(lines)


@pytest.mark.parametrize(("at", "how"), LINES)
def test_a_note(at: int, how: str) -> None:
    note = altered_note(at, how)
    if note == NOTE:
        return

    def change(bundle: Any) -> Any:
        bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"] = note
        return bundle

    data = with_bundle(change)
    refused(check(data), {"ledger_proof"})
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


STATEMENT, OTHER_STATEMENT = (parse(each.run.envelope.payload) for each in (TRUE, OTHER))


@every(cases(STATEMENT, OTHER_STATEMENT, FEW))
def test_a_statement_under_the_old_signature(case: Case) -> None:
    payload = b64encode(encode(case.of(STATEMENT, OTHER_STATEMENT))).decode()

    def change(bundle: Any) -> Any:
        bundle["dsseEnvelope"]["payload"] = payload
        return bundle

    data = with_bundle(change)
    refused(check(data), {"signature"})
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


PLAIN_STATEMENT = parse(PLAIN.run.envelope.payload)
IN_STATEMENT = cases(PLAIN_STATEMENT, OTHER_STATEMENT, (*FEW, "null", "longer"))


def resealed(original: Original, statement: Any, signer: Any = SIGNER) -> bytes:
    value = parse(original.package)
    value["addenda"] = []
    value["seal"]["bundle"] = Bundle.signed(encode(statement), signer).encode().decode()
    return encode(value)


@every(IN_STATEMENT)
def test_a_statement_that_the_signer_signs_is_held_to_the_record(case: Case) -> None:
    data = resealed(PLAIN, case.of(PLAIN_STATEMENT, OTHER_STATEMENT))
    field = str(case.path[1]) if case.path[0] == "predicate" and len(case.path) > 1 else str(case.path[0])
    own = {"statement_form", f"seal_{field}", "seal_record", "seal_lineage", "seal_artifact", "seal_subjects"}
    refused(check(data), own | {"seal_run_id", "ledger_missing"})
    assert offline(data, TRUSTED, replace(PLAIN, addenda=()).receipt_for(data)) == 1


@every(cases(PLAIN_STATEMENT, OTHER_STATEMENT, FEW))
def test_a_statement_that_a_stranger_signs_is_never_believed(case: Case) -> None:
    data = resealed(PLAIN, case.of(PLAIN_STATEMENT, OTHER_STATEMENT), OTHER_SIGNER)
    assert check(data).exit_code == 1
    assert offline(data, TRUSTED, replace(PLAIN, addenda=()).receipt_for(data)) != 0


SAID, OTHER_SAID = (parse(Bundle.parse(each.receipt).payload) for each in (PLAIN, OTHER))
IN_SAID = [case for case in cases(SAID, OTHER_SAID, MOST) if case.path != ("subject", 0, "name") or case.how == "drop"]
"""A file may be called otherwise: names of receipts' subjects are for people."""


@every(IN_SAID)
def test_a_receipts_statement_that_the_signer_signs_is_held_to_the_package(case: Case) -> None:
    receipt = Bundle.signed(encode(case.of(SAID, OTHER_SAID)), SIGNER).encode()
    own = {"receipt_form", "receipt_package", "receipt_contents", "receipt_ledger_missing"}
    refused(check(PLAIN.package, receipt), own)
    assert offline(PLAIN.package, TRUSTED, receipt) == 1


WHOLE: dict[str, Callable[[Any], object]] = {
    "the seal of another run": lambda value: value["seal"].update(bundle=OTHER_PACKAGE["seal"]["bundle"]),
    "the record of another run": lambda value: value.update(record=OTHER_PACKAGE["record"]),
    "the addenda of another run": lambda value: value.update(addenda=OTHER_PACKAGE["addenda"]),
    "an addendum twice": lambda value: value["addenda"].append(value["addenda"][0]),
    "the run as its own addendum": lambda value: value["addenda"].append({key: value[key] for key in ADDENDUM}),
    "an addendum for the run": lambda value: value.update(ADDENDUM, addenda=[]),
    "the manifests of another run": lambda value: value["manifests"].update({f"sha256:{'0' * 64}": "x"}),
    "the first event twice": lambda value: value["record"]["events"].insert(0, value["record"]["events"][0]),
    "the last event twice": lambda value: value["record"]["events"].append(value["record"]["events"][-1]),
    "the events the other way round": lambda value: value["record"]["events"].reverse(),
    "the proof of another run": lambda value: _proof_of_another(value),
    "two signatures": lambda value: _two_signatures(value),
}


def _proof_of_another(value: Any) -> None:
    bundle = parse(value["seal"]["bundle"].encode())
    bundle["verificationMaterial"]["tlogEntries"] = OTHER_BUNDLE["verificationMaterial"]["tlogEntries"]
    value["seal"]["bundle"] = encode(bundle).decode()


def _two_signatures(value: Any) -> None:
    bundle = parse(value["seal"]["bundle"].encode())
    bundle["dsseEnvelope"]["signatures"] += OTHER_BUNDLE["dsseEnvelope"]["signatures"]
    value["seal"]["bundle"] = encode(bundle).decode()


@pytest.mark.parametrize("how", WHOLE)
def test_whole_parts(how: str) -> None:
    value = json.loads(json.dumps(PACKAGE))
    WHOLE[how](value)
    data = encode(value)
    assert check(data).exit_code == 1
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


def test_a_receipt_of_another_package_or_of_another_log_is_refused() -> None:
    refused(check(TRUE.package, OTHER.receipt), {"receipt_package"})
    unlogged = Bundle.signed(Bundle.parse(TRUE.receipt).payload, SIGNER).encode()
    refused(check(TRUE.package, unlogged), {"receipt_ledger_missing"})
    assert offline(TRUE.package, TRUSTED, unlogged) == 1


@pytest.mark.parametrize("key", [*PACKAGE, "surprise"])
def test_a_key_that_stands_twice_is_refused(key: str) -> None:
    text = TRUE.package.decode()
    name = json.dumps(key)
    data = (text[:-1] + f",{name}:{json.dumps(PACKAGE.get(key))}" + "}").encode()
    refused(check(data), {"package_form"})
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


@pytest.mark.parametrize("at", range(0, len(TRUE.package), len(TRUE.package) // 60))
def test_a_bit_anywhere(at: int) -> None:
    data = bytearray(TRUE.package)
    data[at] ^= 1 << at % 7
    assert check(bytes(data)).exit_code != 0
    assert offline(bytes(data), TRUSTED, TRUE.receipt) == 1


def test_a_signature_that_the_curve_gives_twice_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    from cognify_core.seal.signing import ORDER

    def change(bundle: Any) -> Any:
        signature = bundle["dsseEnvelope"]["signatures"][0]
        r, s = decode_dss_signature(b64decode(signature["sig"]))
        signature["sig"] = b64encode(encode_dss_signature(r, ORDER - s)).decode()
        return bundle

    data = with_bundle(change)
    refused(check(data), {"signature"})
    assert offline(data, TRUSTED, TRUE.receipt_for(data)) == 1


ALL: tuple[list[Any], ...] = (IN_PACKAGE, IN_ADDENDUM, IN_BUNDLE, IN_RECEIPT, LINES, IN_STATEMENT, IN_SAID)
