"""Every field of a timestamp in a bundle: changed, swapped, doubled, dropped.

The authority is `openssl ts`. Each is refused or named for a reason of its own; nothing that is not signed decides
anything; and what `verify` contradicts, the example does not believe.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cognify_core.errors import CognifyError
from cognify_core.seal.timestamps import Timestamp
from cognify_core.verify.report import Verdict
from tests.adversarial.altering import MOST, cases
from tests.adversarial.der import Place, altered
from tests.adversarial.stamped import (
    CERTIFICATE,
    INFO,
    NOT_SIGNED,
    SIGNED_DATA,
    SIGNER,
    SUBJECT,
    Stamped,
    of_timestamps,
    token_of,
)
from tests.servers.tsa import authority

pytestmark = pytest.mark.timeout(120)

BROKEN, OTHER_BYTES, NO_FORM = r"does not hold: .*digest failure", "message imprint mismatch", "not a timestamp: "
UNVOUCHED, UNSIGNED, NOBODY = "certificate signature failure", r"does not hold: .*signature failure", "lacks the cert"
NO_DATE = NO_FORM
"""A bit of a date can make it none, as the 30th of February."""
FIELDS: dict[str, tuple[Place, str]] = {
    "status": ((0, 0), "no timestamp was granted"),
    "contentType": ((1, 0), NO_FORM),
    "eContentType": ((*SIGNED_DATA, 2, 0), NO_FORM),
    "digestAlgorithms": ((*SIGNED_DATA, 1, 0, 0), "unknown digest type"),
    "TSTInfo.version": ((*INFO, 0), BROKEN),
    "TSTInfo.policy": ((*INFO, 1), BROKEN),
    "TSTInfo.messageImprint.hashAlgorithm": ((*INFO, 2, 0, 0), OTHER_BYTES),
    "TSTInfo.messageImprint.hashedMessage": ((*INFO, 2, 1), OTHER_BYTES),
    "TSTInfo.serialNumber": ((*INFO, 3), BROKEN),
    "TSTInfo.genTime": ((*INFO, 4), f"{BROKEN}|{NO_DATE}"),
    "TSTInfo.accuracy": ((*INFO, 5, 0), BROKEN),
    "TSTInfo.nonce": ((*INFO, 6), BROKEN),
    "certificate.version": ((*SUBJECT, 0, 0), NO_FORM),
    "certificate.serialNumber": ((*SUBJECT, 1), NOBODY),
    "certificate.signature": ((*SUBJECT, 2, 0), "leads to no root|does not hold"),
    "certificate.issuer": ((*SUBJECT, 3, 0, 0, 1), NOBODY),
    "certificate.notBefore": ((*SUBJECT, 4, 0), f"{UNVOUCHED}|not yet valid|{NO_DATE}"),
    "certificate.notAfter": ((*SUBJECT, 4, 1), f"{UNVOUCHED}|expired|{NO_DATE}"),
    "certificate.subject": ((*SUBJECT, 5, 0, 0, 1), UNVOUCHED),
    "certificate.publicKey": ((*SUBJECT, 6, 1), "does not hold"),
    "certificate.basicConstraints": ((*SUBJECT, 7, 0, 0, 0), "unhandled critical extension"),
    "certificate.keyUsage": ((*SUBJECT, 7, 0, 1, 2), UNVOUCHED),
    "certificate.extKeyUsage": ((*SUBJECT, 7, 0, 2, 2, 0, 0), "not one for timestamps"),
    "certificate.signatureAlgorithm": ((*CERTIFICATE, 1, 0), UNVOUCHED),
    "certificate.signatureValue": ((*CERTIFICATE, 2), "does not hold"),
    "signer.issuer": ((*SIGNER, 1, 0, 0, 0, 1), NOBODY),
    "signer.serialNumber": ((*SIGNER, 1, 1), NOBODY),
    "signer.digestAlgorithm": ((*SIGNER, 2, 0), UNSIGNED),
    "signer.contentType": ((*SIGNER, 3, 0, 1, 0), UNSIGNED),
    "signer.signingTime": ((*SIGNER, 3, 1, 1, 0), f"{UNSIGNED}|{NO_DATE}"),
    "signer.messageDigest": ((*SIGNER, 3, 2, 1, 0), BROKEN),
    "signer.signingCertificate": ((*SIGNER, 3, 3, 1, 0, 0, 0, 0), UNSIGNED),
    "signer.signature.r": ((*SIGNER, 5, 0, 0), UNSIGNED),
    "signer.signature.s": ((*SIGNER, 5, 0, 1), UNSIGNED),
}
"""Where each field of RFC 3161 and RFC 5652 stands in a token, and what is said when a bit of it is another."""


def test_the_originals_hold(stamped: Stamped) -> None:
    report = stamped.check(stamped.true.package, stamped.true.receipt)
    assert (report.exit_code, [each.verdict for each in of_timestamps(report)]) == (0, ["ok", "ok"])
    assert stamped.alone(stamped.true.package, stamped.true.receipt) == 0


def test_there_are_very_many(stamped: Stamped) -> None:
    assert len(list(altered(*stamped.tokens))) >= 800


def test_the_table_names_every_field(stamped: Stamped) -> None:
    """But for the names of types, what is empty, and what is critical: these are tried as well, further below."""
    root, _ = stamped.tokens
    named = [*(place for place, _ in FIELDS.values()), *NOT_SIGNED]
    ends = [place for place in root.places() if not root.at(place).inner]  # type: ignore[union-attr]
    left = [place for place in ends if not any(place[: len(each)] == each for each in named if each != CERTIFICATE)]
    assert {root.at(place).tag for place in left} <= {0x01, 0x05, 0x06, 0x30}  # type: ignore[union-attr]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_which_a_bit_is_another_is_refused_for_its_own_reason(stamped: Stamped, field: str) -> None:
    place, reason = FIELDS[field]
    (changed,) = [data for where, how, data in altered(*stamped.tokens) if (where, how) == (place, "flip")]
    with pytest.raises(CognifyError, match=reason):
        Timestamp.parse(changed).check(stamped.signature, stamped.clocks.pinned)


@pytest.mark.filterwarnings("ignore:Attribute's length must be")
def test_whatever_is_done_to_an_element_it_is_refused_or_was_not_signed(stamped: Stamped) -> None:
    true = Timestamp.parse(token_of(stamped.true.run))
    for place, how, data in altered(*stamped.tokens):
        try:
            stamp = Timestamp.parse(data)
            stamp.check(stamped.signature, stamped.clocks.pinned)
        except CognifyError:
            continue
        assert place in NOT_SIGNED, f"{place} {how}"
        assert (stamp.time, stamp.authority) == (true.time, true.authority)
        assert stamped.tsa.verify(data, stamped.signature).returncode == 0


@pytest.mark.parametrize("field", FIELDS)
def test_a_package_with_such_a_timestamp_does_not_hold(stamped: Stamped, field: str) -> None:
    for place, how, data in altered(*stamped.tokens):
        if place == FIELDS[field][0] and how in ("drop", "swap", "twice", "flip") and place not in NOT_SIGNED:
            package = stamped.with_timestamps(data)
            report = stamped.check(package)
            assert report.exit_code in (1, 2), how
            assert {each.verdict for each in of_timestamps(report)} - {"ok"}, how
            assert stamped.check(package, stamped.true.receipt).exit_code == 1
            if report.exit_code == 1 and stamped.tsa.verify(data, stamped.signature).returncode:
                assert stamped.alone(package, stamped.true.receipt_for(package)) == 1, how


@pytest.mark.parametrize("place", NOT_SIGNED, ids=NOT_SIGNED.values())
def test_what_is_not_signed_in_a_timestamp_is_held_to_the_receipt(stamped: Stamped, place: Place) -> None:
    for where, how, data in altered(*stamped.tokens):
        if where == place and how in ("flip", "twice", "drop"):
            package = stamped.with_timestamps(data)
            assert stamped.check(package, stamped.true.receipt).exit_code == 1
            assert stamped.alone(package, stamped.true.receipt) == 1


def test_the_form_in_which_a_bundle_carries_them(stamped: Stamped) -> None:
    value, other = (each.run.envelope.timestamps for each in (stamped.true, stamped.other))
    for case in cases(value, other, MOST):
        package = stamped.with_material(case.of(value, other))
        report = stamped.check(package)
        assert report.exit_code == 1, str(case)
        assert {"timestamp", "bundle_form", "package_form"} & {each.code for each in report.contradictions}, str(case)
        assert stamped.alone(package, stamped.true.receipt_for(package)) == 1, str(case)


def test_whole_timestamps_of_others(tmp_path: Path, stamped: Stamped) -> None:
    own, (addendum,) = token_of(stamped.true.run), stamped.true.addenda
    later = stamped.tsa.stamp(stamped.signature)
    other, unknown = token_of(stamped.other.run), authority(tmp_path, "unknown").stamp(stamped.signature)
    mixed = stamped.tsa.stamp(stamped.signature + b"\0")

    def said(*data: bytes) -> tuple[int, list[Verdict]]:
        report = stamped.check(stamped.with_timestamps(*data))
        return report.exit_code, [each.verdict for each in of_timestamps(report)][:-1]  # the last is the addendum's

    assert said(own, later) == said(later, own) == (0, ["ok", "ok"])
    assert said(own, unknown) == (0, ["ok"])
    assert said(unknown) == (2, ["unchecked"])
    for data in ((other,), (token_of(addendum),), (mixed,), (own, other), (own, own), (own, later, own)):
        code, verdicts = said(*data)
        assert (code, "contradiction" in verdicts) == (1, True)
        package = stamped.with_timestamps(*data)
        assert stamped.alone(package, stamped.true.receipt_for(package)) == 1
    undated = stamped.check(stamped.with_timestamps())
    assert (undated.exit_code, "no_timestamp" in undated.codes) == (2, True)
