"""Bytes that nobody made, and packages that something happened to: `verify` answers, never with 0, and never raises.

A short while in `make test`; ten minutes in `make fuzz`, which sets `COGNIFY_FUZZ_SECONDS=600`. Hypothesis prints what
it finds, and that becomes a test of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cognify_core.api.evidence_file import read_evidence
from cognify_core.canonical import encode, parse
from cognify_core.capture.tree_manifest import parse_manifest
from cognify_core.errors import CognifyError, FormatError
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import LeafBody
from cognify_core.seal.ledger_file import ProofFile
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.ledger_statements import parse_leaf_statement
from cognify_core.seal.notes import LogKey, SignedHead
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import ReceiptStatement, SealStatement
from cognify_core.seal.timestamps import Timestamp
from cognify_core.verify.package import check_package_file
from cognify_core.verify.timestamp_check import check_late, late_fact
from tests.adversarial.altering import at, places
from tests.adversarial.originals import LOGS, OTHER, PLAIN, TRUE
from tests.adversarial.stamped import Stamped, token_of
from tests.tamper.keeping import keep
from tests.tamper.offline import offline
from tests.tamper.packaging import TRUSTED

SECONDS = float(os.environ.get("COGNIFY_FUZZ_SECONDS", "0"))
EXAMPLES = 60
MOST = 1 << 22
"""Bytes of a package that are read here, so that an example is quick."""
ORIGINALS = tuple((each.package, each.receipt) for each in (TRUE, OTHER, PLAIN))

pytestmark = pytest.mark.timeout(SECONDS + 120)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["sha256:" + "0" * 64, "2025"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NESTED = ("bundle", "payload", "canonicalizedBody", "public_key")


def driven(test: Callable[[], None], seconds: float) -> None:
    """Call a test of hypothesis once, and again with other examples until the time is up."""
    until = time.monotonic() + seconds
    test()
    while time.monotonic() < until:
        test()


def hypothesis(
    strategy: st.SearchStrategy[Any], examples: int = EXAMPLES
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    many = examples if not SECONDS else 500

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        drawn: Any = given(strategy)
        made: Callable[..., None] = settings(
            max_examples=many, deadline=None, database=None, suppress_health_check=quiet
        )(drawn(test))
        return made

    return wrap


@st.composite
def altered_bytes(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    """Cut, doubled, flipped, filled with bytes of another: a package or its receipt."""
    data, receipt = draw(st.sampled_from(ORIGINALS))
    stranger = draw(st.sampled_from(ORIGINALS))[0]
    which = draw(st.booleans())
    changed = bytearray(data if which else receipt)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(changed)))
        end = min(len(changed), start + draw(st.integers(0, 64)))
        filling = draw(st.binary(max_size=16) | st.just(stranger[start:end]) | st.just(bytes(changed[start:end]) * 2))
        changed[start:end] = filling
    return (bytes(changed), draw(st.sampled_from([receipt, None]))) if which else (data, bytes(changed))


@st.composite
def altered_json(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    """Another value at any place, also within the JSON that travels as text and as base64."""
    data, receipt = draw(st.sampled_from(ORIGINALS))
    value = parse(data)
    for _ in range(draw(st.integers(1, 3))):
        value = _altered(draw, value, 3)
    try:
        changed = encode(value) if draw(st.booleans()) else json.dumps(value).encode()
    except (CognifyError, ValueError):
        changed = json.dumps(value, ensure_ascii=True).encode()
    return changed, draw(st.sampled_from([receipt, None]))


def _altered(draw: st.DrawFn, value: Any, depth: int) -> Any:
    found = list(places(value))
    if not found:
        return draw(JSON)
    path = draw(st.sampled_from(found))
    holder, name = at(value, path[:-1]), path[-1]
    inner = holder[name]
    if depth and isinstance(inner, str) and inner[:1] in "{[" and draw(st.booleans()):
        try:
            holder[name] = json.dumps(
                _altered(draw, json.loads(inner), depth - 1), separators=(",", ":"), sort_keys=True
            )
        except ValueError:
            holder[name] = draw(JSON)
    elif draw(st.booleans()):
        holder[name] = draw(JSON)
    elif isinstance(holder, list):
        holder.insert(draw(st.integers(0, len(holder))), draw(JSON | st.just(inner)))
    else:
        renamed = draw(st.text(max_size=8) | st.sampled_from(sorted(holder)))
        holder[renamed] = holder.pop(name)
    return value


def answers(folder: Path, data: bytes, receipt: bytes | None) -> None:
    package = folder / "package.json"
    package.write_bytes(data)
    beside = folder / "package.json.sigstore.json"
    beside.unlink(missing_ok=True)
    if receipt is not None:
        beside.write_bytes(receipt)
    report = check_package_file(package, trusted=TRUSTED, logs=LOGS, max_bytes=MOST)
    keep(data, report, trusted=TRUSTED, receipt=receipt, logs=LOGS.pinned)
    alone = offline(data, TRUSTED, receipt)
    if (data, receipt) in ORIGINALS or (receipt is None and any(data == each for each, _ in ORIGINALS)):
        return
    assert report.exit_code in (1, 2)
    assert alone in (1, 2)


def test_bytes_that_were_altered(tmp_path: Path) -> None:
    @hypothesis(altered_bytes(), 150)
    def test(made: tuple[bytes, bytes | None]) -> None:
        answers(tmp_path, *made)

    driven(test, SECONDS * 0.3)


def test_json_that_was_altered(tmp_path: Path) -> None:
    @hypothesis(altered_json(), 150)
    def test(made: tuple[bytes, bytes | None]) -> None:
        answers(tmp_path, *made)

    driven(test, SECONDS * 0.3)


def test_any_bytes(tmp_path: Path) -> None:
    beginnings = [
        b"",
        b"{",
        b'{"format":"cognify.package/v1",',
        b"%PDF-1.7\n",
        b"PK\x03\x04",
        b"---\n",
        b"\x1f\x8b",
        b"\xff\xfe",
    ]

    @hypothesis(st.tuples(st.sampled_from(beginnings), st.binary(max_size=2000), st.none() | st.binary(max_size=500)))
    def test(made: tuple[bytes, bytes, bytes | None]) -> None:
        answers(tmp_path, made[0] + made[1], made[2])

    driven(test, SECONDS * 0.1)


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "bundle": (Bundle.parse, TRUE.run.bundle),
    "leaf": (LeafBody.parse, LedgerProof.parse(TRUE.run.envelope.log_entries[0]).body),
    "head": (SignedHead.parse, LedgerProof.parse(TRUE.run.envelope.log_entries[0]).head.note),
    "proof file": (ProofFile.parse, ProofFile.of(LedgerProof.parse(TRUE.run.envelope.log_entries[0])).encode()),
    "seal": (SealStatement.parse, TRUE.run.envelope.payload),
    "receipt": (ReceiptStatement.parse, Bundle.parse(TRUE.receipt).payload),
    "statement": (parse_leaf_statement, TRUE.run.envelope.payload),
    "key": (PublicKey.parse, TRUE.run.public_key),
    "log": (lambda data: LogKey.parse(data.decode("latin-1")), str(LOGS.pinned[0]).encode()),
    "tree": (parse_manifest, b"# cognify.tree/v1\n" + b"0" * 64 + b"  a\n\\" + b"1" * 64 + b"  b\\n\n"),
    "json": (parse, TRUE.package[:2000]),
}


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_is_read_is_read_or_refused(name: str) -> None:
    read, original = PARSERS[name]

    @hypothesis(
        st.tuples(st.integers(0, len(original)), st.integers(0, 40), st.binary(max_size=12) | st.just(original))
    )
    def test(made: tuple[int, int, bytes]) -> None:
        start, length, filling = made
        for data in (original[:start] + filling + original[start + length :], filling):
            try:
                read(data)
            except CognifyError:
                continue

    driven(test, SECONDS * 0.1 / len(PARSERS))


@pytest.mark.filterwarnings("ignore:Attribute's length must be")
def test_timestamps_that_were_altered(tmp_path: Path, stamped: Stamped) -> None:
    """In a bundle, and in the file beside a package, whose bytes are altered as well."""
    token = token_of(stamped.true.run)
    true, package = Timestamp.parse(token), stamped.true.package
    late = Timestamp.parse(stamped.tsa.stamp(package))
    beside = {
        "format": "cognify.evidence/v1",
        "package_hash": str(Digest.of(package)),
        "facts": [late_fact(late, package)],
    }
    file = tmp_path / "evidence.json"

    @hypothesis(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12) | st.just(token)), 100)
    def test(made: tuple[float, int, bytes]) -> None:
        where, length, filling = made
        changed, whole = (_spliced(data, where, length, filling) for data in (token, encode(beside)))
        report = stamped.check(stamped.with_timestamps(changed))
        if report.exit_code == 0:  # what no signature covers
            stamp = Timestamp.parse(changed)
            assert (stamp.time, stamp.authority) == (true.time, true.authority)
        file.write_bytes(whole + b"\n")
        with suppress(FormatError):
            facts = read_evidence(file, Digest.of(package))
            found = [each.verdict for each in check_late(package, facts, stamped.clocks)]
            assert found in ([], ["unchecked"]) or whole == encode(beside)

    driven(test, SECONDS * 0.1)


def _spliced(data: bytes, where: float, length: int, filling: bytes) -> bytes:
    start = int(where * len(data))
    return data[:start] + filling + data[start + length :]


@pytest.mark.skipif(find_spec("pikepdf") is None or find_spec("reportlab") is None, reason="needs the extra pdf")
def test_pdfs_that_were_altered(tmp_path: Path) -> None:
    from cognify_core.export.dossier import Dossier
    from cognify_core.export.formats import export_format

    original = export_format("pdf", None).render(Dossier.of(PLAIN.run, ()))

    @hypothesis(st.tuples(st.integers(0, len(original)), st.integers(0, 64), st.binary(max_size=16)), 15)
    def test(made: tuple[int, int, bytes]) -> None:
        start, length, filling = made
        data = original[:start] + filling + original[start + length :]
        if data != original:
            answers(tmp_path, data, None)

    driven(test, SECONDS * 0.1)
