"""Timestamps as bytes: what is read, what is believed, and what is refused for which reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import Json
from cognify_core.errors import CannotVerifyError, CognifyError, FormatError, SigningKeyError, VerificationError
from cognify_core.seal.authorities import Authority, pinned_authorities
from cognify_core.seal.timestamps import MAX_BYTES, Timestamp, read_timestamps, timestamp_data
from tests.servers.tsa import DAY, STAMPING, Tsa, authority, issuer

DATA = b"what was signed"


def root_of(tsa: Tsa) -> Authority:
    return Authority.parse(tsa.root.pem)


def test_a_timestamp_holds_for_its_bytes_under_its_root(made: Tsa) -> None:
    stamp = Timestamp.parse(made.stamp(DATA))
    assert stamp.check(DATA, [root_of(made)]) == root_of(made)
    assert stamp.authority == "CN=a test's authority"
    assert abs(stamp.time - datetime.now(UTC)) < timedelta(minutes=5)
    assert made.verify(stamp.data, DATA).returncode == 0


def test_it_holds_for_no_other_bytes(made: Tsa) -> None:
    stamp = Timestamp.parse(made.stamp(DATA))
    with pytest.raises(VerificationError, match="imprint mismatch"):
        stamp.check(b"something else", [root_of(made)])


def test_it_says_nothing_under_another_root(made: Tsa) -> None:
    stamp = Timestamp.parse(made.stamp(DATA))
    for pinned in ([], [Authority.parse(issuer("somebody else").pem)]):
        with pytest.raises(CannotVerifyError, match=r"no authority is pinned|leads to no root"):
            stamp.check(DATA, pinned)


def test_a_root_of_the_same_name_with_another_key_is_not_its_root(made: Tsa) -> None:
    other = Authority.parse(issuer("the root of a test's authority").pem)
    with pytest.raises(CognifyError, match=r"leads to no root|does not hold"):
        Timestamp.parse(made.stamp(DATA)).check(DATA, [other])


def test_of_several_roots_the_right_one_is_found(made: Tsa) -> None:
    others = [Authority.parse(issuer(f"another {number}").pem) for number in range(2)]
    assert Timestamp.parse(made.stamp(DATA)).check(DATA, [*others, root_of(made)]) == root_of(made)


@pytest.mark.parametrize(
    ("purposes", "critical"),
    [
        ((ExtendedKeyUsageOID.CODE_SIGNING,), True),
        ((*STAMPING, ExtendedKeyUsageOID.CODE_SIGNING), True),
        (STAMPING, False),
        ((), True),
    ],
)
def test_a_certificate_that_is_not_for_timestamps_alone_dates_nothing(
    made: Tsa, purposes: tuple[ExtendedKeyUsageOID, ...], critical: bool
) -> None:
    other = issuer("a web server", made.root, purposes=purposes, critical=critical)  # type: ignore[arg-type]
    stamp = Timestamp.parse(made.signed_by(other, DATA))
    with pytest.raises(VerificationError, match="not one for timestamps"):
        stamp.check(DATA, [root_of(made)])


def test_what_this_test_calls_badly_signed_is_well_signed_but_for_its_certificate(made: Tsa) -> None:
    """The control of the test above."""
    other = issuer("a second signer", made.root, purposes=STAMPING)
    Timestamp.parse(made.signed_by(other, DATA)).check(DATA, [root_of(made)])


@pytest.mark.parametrize(("since", "until"), [(-2 * DAY, -DAY), (DAY, 2 * DAY)])
def test_a_certificate_must_be_valid_at_the_time_that_is_told(
    tmp_path: Path, since: timedelta, until: timedelta
) -> None:
    tsa = authority(tmp_path, since=since, until=until)
    with pytest.raises(VerificationError, match=r"expired|not yet valid"):
        Timestamp.parse(tsa.stamp(DATA)).check(DATA, [root_of(tsa)])


def test_a_signature_that_was_changed_does_not_hold(made: Tsa) -> None:
    data = bytearray(made.stamp(DATA))
    data[-1] ^= 1
    with pytest.raises(VerificationError, match="does not hold"):
        Timestamp.parse(bytes(data)).check(DATA, [root_of(made)])


def test_whatever_byte_is_changed_another_time_never_holds(made: Tsa) -> None:
    good = made.stamp(DATA)
    told = Timestamp.parse(good).time
    for place in range(len(good)):
        data = bytearray(good)
        data[place] ^= 0x04
        try:
            stamp = Timestamp.parse(bytes(data))
            stamp.check(DATA, [root_of(made)])
        except CognifyError:
            continue
        assert stamp.time == told


@given(st.binary(max_size=200))
def test_bytes_that_are_no_timestamp_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"no(t a)? timestamp"):
        Timestamp.parse(data)


def test_a_timestamp_that_is_cut_or_made_longer_is_refused(made: Tsa) -> None:
    good = made.stamp(DATA)
    for data in (*(good[:size] for size in range(0, len(good), 7)), good + b"\0", bytes(MAX_BYTES + 1)):
        with pytest.raises(FormatError, match="not a timestamp"):
            Timestamp.parse(data)


def test_a_refusal_is_no_timestamp() -> None:
    with pytest.raises(FormatError, match=r"no timestamp was granted|not a timestamp"):
        Timestamp.parse(bytes.fromhex("30053003020102"))


def test_a_bundle_holds_timestamps_in_one_form(made: Tsa) -> None:
    stamps = (Timestamp.parse(made.stamp(DATA)), Timestamp.parse(made.stamp(DATA)))
    value = timestamp_data(stamps)
    assert [each.data for each in read_timestamps(value)] == [each.data for each in stamps]
    assert timestamp_data(()) is None
    assert read_timestamps(None) == ()
    forms: tuple[Json, ...] = (
        {},
        {"rfc3161Timestamps": []},
        {"rfc3161Timestamps": [{"signedTimestamp": "AA=="}]},
        {"rfc3161Timestamps": [{"signedTimestamp": 1}]},
        {"rfc3161Timestamps": [{}]},
        {"rfc3161Timestamps": "AA=="},
        {"rfc3161Timestamps": [{"signedTimestamp": "AA==", "by": "me"}]},
        {"rfc3161Timestamps": [None], "more": 1},
        [],
    )
    for other in forms:
        with pytest.raises(FormatError, match=r"not (a )?timestamp"):
            read_timestamps(other)


def test_an_authority_is_pinned_by_its_root_or_by_its_chain(tmp_path: Path, made: Tsa) -> None:
    pins = pinned_authorities(tmp_path)
    chain = pins.trust(made.signer.pem + made.root.pem, "both")
    alone = pins.trust(made.root.pem, "root")
    assert chain.authority_id == alone.authority_id
    assert chain.subject == "CN=the root of a test's authority"
    stamp = Timestamp.parse(made.stamp(DATA))
    for each in (chain, alone):
        stamp.check(DATA, [each])
    assert [pin.name for pin in pins.pinned()] == ["both", "root"]
    assert pins.distrust(alone.authority_id[:8]) == [chain, alone]
    assert pins.trusted() == ()


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_not_pinned(tmp_path: Path, pem: bytes) -> None:
    with pytest.raises(SigningKeyError, match="not PEM certificates"):
        pinned_authorities(tmp_path).trust(pem, "nobody")


def test_a_chain_without_its_root_or_in_another_order_is_not_pinned(tmp_path: Path, made: Tsa) -> None:
    for pem in (made.signer.pem, made.root.pem + made.signer.pem):
        with pytest.raises(SigningKeyError, match="the root last"):
            pinned_authorities(tmp_path).trust(pem, "nobody")
    with pytest.raises(SigningKeyError, match="cannot name a key"):
        pinned_authorities(tmp_path).trust(made.root.pem, "../nobody")


def test_a_pin_that_was_swapped_is_refused(tmp_path: Path, made: Tsa) -> None:
    pins = pinned_authorities(tmp_path)
    pins.trust(made.root.pem, "root")
    (path,) = tmp_path.iterdir()
    path.write_bytes(issuer("somebody else").pem)
    with pytest.raises(SigningKeyError, match="does not hold the key that its name says"):
        pins.trusted()


def test_a_timestamp_is_the_bytes_that_came(made: Tsa) -> None:
    data = made.stamp(DATA)
    assert Timestamp.parse(data).data == data
    assert replace(Timestamp.parse(data)) == Timestamp.parse(data)
