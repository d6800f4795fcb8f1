"""Someone, or a bad disk, changes bytes without caring what they mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.errors import CannotVerifyError
from cognify_core.verify.package import check_package, check_package_file
from tests.factories import sealed_run
from tests.tamper.packaging import TRUSTED, amended, assert_contradicts, package, receipt_of, verify

RUN, ADDENDA = amended(1)
PACKAGE = package(RUN, ADDENDA)
EARLIER = package(RUN)
"""What was exported before there was an addendum: as true as the later one, and only a receipt tells them apart."""


@pytest.mark.parametrize("bit", [0, 1, 7])
def test_no_flipped_bit_goes_unseen(bit: int) -> None:
    for place in range(bit, len(PACKAGE), 23):
        flipped = bytearray(PACKAGE)
        flipped[place] ^= 1 << bit
        report = verify(bytes(flipped))
        assert report.exit_code != 0, f"bit {bit} of byte {place}"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.integers(0, len(PACKAGE) - 1), length=st.integers(0, 40), patch=st.binary(max_size=40))
def test_no_patch_goes_unseen_and_none_breaks_the_verifier(place: int, length: int, patch: bytes) -> None:
    forged = PACKAGE[:place] + patch + PACKAGE[place + length :]
    assert (verify(forged).exit_code == 0) == (forged == PACKAGE)


scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e9, 1e9) | st.text()
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def forgeries(draw: st.DrawFn) -> bytes:
    """The package with one value, anywhere in its JSON or in a string of JSON within, replaced by another."""
    value = parse(PACKAGE)
    part, trail = value, draw(st.integers(1, 8))
    for _ in range(trail):
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 9)):
            part = part[key]
        else:
            part[key] = draw(json_values)
            break
    return encode(value)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(forged=forgeries())
def test_no_replaced_value_goes_unseen_and_none_breaks_the_verifier(forged: bytes) -> None:
    assert (verify(forged).exit_code == 0) == (forged in (PACKAGE, EARLIER))


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200) | json_values.map(encode))
def test_anything_else_is_no_package(data: bytes) -> None:
    assert verify(data).codes == {"package_form"}
    assert verify(PACKAGE, receipt=data).exit_code == 1


@pytest.mark.parametrize("length", [0, 1, 100, len(PACKAGE) // 2, len(PACKAGE) - 1])
def test_a_truncated_package_is_told_from_a_whole_one(length: int) -> None:
    assert_contradicts(verify(PACKAGE[:length]), "package_form", "the package does not read: not JSON")


@pytest.mark.parametrize("rest", [b"\n", b" ", b"{}", b"\x00"])
def test_bytes_after_the_end_or_before_the_beginning_are_refused(rest: bytes) -> None:
    assert_contradicts(verify(PACKAGE + rest), "package_form", "JSON")
    assert_contradicts(verify(rest + PACKAGE), "package_form", "JSON")


def test_white_space_and_another_order_of_keys_are_refused() -> None:
    value = json.loads(PACKAGE)
    assert_contradicts(verify(json.dumps(value, indent=1).encode()), "package_form", "not canonical JSON")
    backwards = dict(reversed(value.items()))
    compact = json.dumps(backwards, ensure_ascii=False, separators=(",", ":")).encode()
    assert_contradicts(verify(compact), "package_form", "not canonical JSON")


def test_a_key_that_stands_twice_is_refused_by_name() -> None:
    twice = PACKAGE.replace(b'"complete":true', b'"complete":true,"complete":true')
    assert_contradicts(verify(twice), "package_form", "'complete' stands twice")


def test_a_package_without_one_of_its_parts_is_no_package() -> None:
    for part in ("record", "seal", "manifests", "run_id", "format", "addenda"):
        value = parse(PACKAGE)
        del value[part]
        assert_contradicts(verify(encode(value)), "package_form", part)


def test_json_that_nests_without_end_is_refused() -> None:
    for deep in (b"[" * 200_000, b'{"a":' * 200_000 + b"1" + b"}" * 200_000, b"[" * 150 + b"]" * 150):
        assert_contradicts(verify(deep), "package_form", "nested")


def test_a_package_larger_than_allowed_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    report = check_package_file(large, trusted=TRUSTED)
    assert report.exit_code == 2
    assert report.codes == {"package_size"}
    with pytest.raises(CannotVerifyError, match="1,073,741,824 bytes are more than the 67,108,864 that are read"):
        report.raise_for_status()
    assert check_package(PACKAGE, trusted=TRUSTED, max_bytes=100).codes == {"package_size"}


def test_a_package_that_is_not_there_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(CannotVerifyError, match=r"nowhere\.json cannot be read: No such file"):
        check_package_file(tmp_path / "nowhere.json", trusted=TRUSTED)


def test_the_receipt_beside_a_package_is_found(tmp_path: Path) -> None:
    run = sealed_run()
    path = tmp_path / "package.json"
    path.write_bytes(package(run))
    assert check_package_file(path, trusted=TRUSTED).exit_code == 0
    beside = tmp_path / "package.json.sigstore.json"
    beside.write_bytes(receipt_of(package(run), run))
    assert any(finding.code == "receipt" for finding in check_package_file(path, trusted=TRUSTED).findings)
    beside.write_bytes(receipt_of(PACKAGE, run))
    assert_contradicts(check_package_file(path, trusted=TRUSTED), "receipt_package", "this file is")
