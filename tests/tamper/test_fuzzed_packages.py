"""Packages that no exporter made, thrown at the verifier: it answers, never with 0, and in a moment."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError
from cognify_core.seal.bundle import Bundle
from tests.factories import SIGNER, note, sealed_run, whole
from tests.tamper.attacking import Home, report_of
from tests.tamper.packaging import TRUSTED, amended, package, receipt_of, verify

DEEP = '{"a":' * 90 + "1" + "}" * 90
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53 - 1,
    1e300,
    "",
    "\x00",
    "\ud7ff",
    "a" * 10_000,
    [],
    {},
    [[]],
    json.loads(DEEP),
)


def test_a_package_cut_at_every_kibibyte_does_not_hold(home: Home, tmp_path: Path) -> None:
    data, cut = home.late.read_bytes(), tmp_path / "cut.json"
    for length in range(0, len(data), 1024):
        cut.write_bytes(data[:length])
        assert report_of(cut).codes == {"package_form"}


def test_every_value_of_a_real_package_replaced_by_something_odd_is_seen(home: Home) -> None:
    """Every place in the JSON is tried once, with an odd value drawn for it; the seed is fixed."""
    trusted, draw = api.keys().trusted(), random.Random(7)
    value = parse(home.late.read_bytes())
    tried = 0
    for holder, key in _places(value):
        kept = holder[key]
        odd = draw.choice([one for one in ODD if json.dumps(one) != json.dumps(kept)])
        holder[key] = odd
        assert verify(encode(value), trusted=trusted).exit_code != 0, (key, odd)
        holder[key] = kept
        tried += 1
    assert tried > 90
    assert verify(encode(value), trusted=trusted).exit_code == 0


def test_every_value_of_every_event_replaced_by_something_odd_is_seen() -> None:
    data, draw = package(*amended(1)), random.Random(7)
    value = parse(data)
    for part in (value, *value["addenda"]):
        events = part["record"]["events"]
        for place, event in enumerate(events):
            inner = json.loads(event)
            for holder, key in _places(inner):
                kept = holder[key]
                holder[key] = draw.choice([one for one in ODD if json.dumps(one) != json.dumps(kept)])
                events[place] = encode(inner).decode()
                assert verify(encode(value)).exit_code == 1, (place, key)
                holder[key] = kept
            events[place] = event
    assert encode(value) == data


def test_every_value_of_a_signed_bundle_replaced_by_something_odd_is_seen() -> None:
    run = sealed_run()
    receipt, draw = receipt_of(package(run), run), random.Random(7)
    bundle = json.loads(receipt)
    for holder, key in _places(bundle):
        kept = holder[key]
        holder[key] = draw.choice([one for one in ODD if json.dumps(one) != json.dumps(kept)])
        assert verify(package(run), receipt=encode(bundle)).exit_code == 1, key
        holder[key] = kept
    assert verify(package(run), receipt=encode(bundle)).exit_code == 0


def test_statements_of_odd_content_under_a_true_signature_do_not_hold() -> None:
    """Somebody with the key is still held to the form: what is signed must be what the record calls for."""
    run, draw = sealed_run(), random.Random(7)
    statement, value = json.loads(run.envelope.payload), parse(package(run))
    for holder, key in _places(statement):
        kept = holder[key]
        holder[key] = draw.choice([one for one in ODD if json.dumps(one) != json.dumps(kept)])
        value["seal"]["bundle"] = Bundle.signed(encode(statement), SIGNER).encode().decode()
        assert verify(encode(value)).exit_code == 1, key
        holder[key] = kept


@pytest.mark.parametrize(
    "number",
    ["9" * 5000, "1e400", "-1e400", "1e-400", "0." + "0" * 5000 + "1", "9007199254740993", "-0", "1.0", "1E5", "NaN"],
)
def test_numbers_that_readers_disagree_about_are_refused(number: str) -> None:
    data = package().replace(b'"size":6', f'"size":{number}'.encode())
    assert verify(data).codes == {"package_form"}


@pytest.mark.parametrize("number", ["9" * 5000, "1e400", "Infinity", " 1", "0x10", "", "1" * 5_000_000])
def test_tagged_numbers_that_are_none_are_refused(number: str) -> None:
    metrics = {"kind": "metrics", "points": [[1, "loss", {"$int": number}]]}
    event = json.loads(sealed_run(whole([note()])).events[1]) | metrics
    for key in ("text", "note_kind"):
        del event[key]
    value = parse(package(sealed_run(whole([note()]))))
    value["record"]["events"][1] = encode(event).decode()
    assert verify(encode(value)).exit_code == 1


@pytest.mark.parametrize("depth", [98, 99, 100, 101, 1_000, 100_000])
def test_nesting_in_an_unknown_key_or_in_an_event_is_refused(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    data = package().replace(b'"schema":', f'"scheme":{deep},"schema":'.encode(), 1)
    assert verify(data).exit_code == 1
    value = parse(package())
    value["record"]["events"][1] = value["record"]["events"][1].replace('"facts":{}', f'"facts":{{"a":{deep}}}')
    assert verify(encode(value)).exit_code == 1


def test_megabytes_of_zeros_are_no_package(tmp_path: Path) -> None:
    for name, zero in (("bytes", b"\0"), ("digits", b"0"), ("spaces", b" "), ("brackets", b"[")):
        path = tmp_path / name
        path.write_bytes(zero * (60_000_000 if name != "brackets" else 10_000_000))
        assert report_of(path).codes == {"package_form"}
        path.unlink()


def test_a_hundred_megabytes_are_not_read_at_all(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(b"0" * 100_000_000)
    assert report_of(tmp_path / "package.json").codes == {"package_size"}


def test_compressed_packages_and_other_files_are_no_packages(home: Home, tmp_path: Path) -> None:
    data = home.late.read_bytes()
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("package.json", data)
    bomb = gzip.compress(b"[" * 50_000_000)
    encodings = (data.decode().encode("utf-16"), b"\xef\xbb\xbf" + data, data.replace(b'"', b"'"), data * 2)
    files = (gzip.compress(data), bz2.compress(data), archive.getvalue(), bomb, *encodings, home.database.read_bytes())
    for number, content in enumerate(files):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        assert report_of(path).codes == {"package_form"}


def test_many_parts_that_do_not_fit_are_named_in_a_moment() -> None:
    """A hostile package must not buy hours of our time: twenty thousand manifests, as many events, nothing fits."""
    count = 20_000
    value = parse(package(sealed_run(whole([note(text=str(number)) for number in range(2_000)]))))
    value["manifests"] = {f"sha256:{number:064x}": "" for number in range(count)}
    value["record"]["events"] += value["record"]["events"][1:2] * count
    value["nodes"] = [{}] * count
    data = encode(value)
    report = verify(data)
    assert report.exit_code == 1
    assert len(report.findings) < 200
    value["record"]["events"] = value["record"]["events"][:-count]
    report = verify(encode(value))
    assert report.exit_code == 1
    assert len(report.findings) < 200


def test_json_that_is_fit_for_no_parser_is_refused_by_ours() -> None:
    for text in (
        b'{"a":1,"a":1}',
        b'{"a":1}x',
        b'{"a":\x01}',
        b'"\\ud800"',
        b"\xff",
        b"nul",
        b"{",
        b"01",
        b"[1,]",
        b"\x00",
    ):
        assert verify(text, trusted=TRUSTED).codes == {"package_form"}
        with pytest.raises(FormatError):
            parse(text)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as the holder and the key in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in list(pairs) for place in ((value, key), *_places(inner))]
