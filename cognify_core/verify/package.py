"""A package, checked from the file alone: no store, no network, no framework.

Every fact in it is computed again from the events, the bundles and the manifests that it carries, and at last the
whole file is rendered again: a key that nobody asked about cannot say something of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from cognify_core.canonical import Json, encode
from cognify_core.errors import CannotVerifyError, CognifyError, FormatError
from cognify_core.export.package_json import RENDERER, document
from cognify_core.model.digest import Digest
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.addenda_check import check_chain
from cognify_core.verify.package_form import Package, read_package
from cognify_core.verify.receipt_check import check_receipt
from cognify_core.verify.record_check import capped
from cognify_core.verify.report import RUN_CHECKS, Finding, Report, contradicts, holds, unchecked
from cognify_core.verify.run_check import check_sealed_run

MAX_BYTES = 1 << 28
RECEIPT_SUFFIX = ".sigstore.json"
LISTS = frozenset({"nodes", "edges", "gaps"})


def check_package_file(
    path: Path, *, trusted: Sequence[PublicKey], receipt: Path | None = None, max_bytes: int = MAX_BYTES
) -> Report:
    """Check the package at `path`, with the receipt given, else the one beside it where there is one.

    Raises:
        CannotVerifyError: a file cannot be read.
    """
    beside = path.with_name(path.name + RECEIPT_SUFFIX)
    try:
        if (size := path.stat().st_size) > max_bytes:
            return _too_large(str(path), size, max_bytes)
        receipt = receipt or (beside if beside.exists() else None)
        with path.open("rb") as file:  # a file may grow between one call and the next
            data = file.read(max_bytes + 1)
        return check_package(
            data, trusted=trusted, receipt=None if receipt is None else receipt.read_bytes(), max_bytes=max_bytes
        )
    except OSError as error:
        raise CannotVerifyError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def check_package(
    data: bytes, *, trusted: Sequence[PublicKey], receipt: bytes | None = None, max_bytes: int = MAX_BYTES
) -> Report:
    """Check a package's bytes, and its receipt where one is given.

    Args:
        data: the package.
        trusted: the pinned keys; a key inside the package proves nothing.
        receipt: the bytes of `<package>.sigstore.json`.
        max_bytes: a larger package is not read.
    """
    if len(data) > max_bytes:
        return _too_large("package", len(data), max_bytes)
    subject = f"package {Digest.of(data)}"
    required = (
        RUN_CHECKS
        | {"package"}
        | ({"receipt", "receipt_signature", "receipt_signer"} if receipt is not None else set())
    )
    package, findings = _read(data)
    if package is not None:
        findings += _check_runs(package, trusted)
        findings += _check_rendering(package, data)
    if receipt is not None:
        findings += check_receipt(receipt, data, package, trusted)
    return Report(subject, tuple(findings), required, package.run.run_id if package else None)


def _too_large(subject: str, size: int, most: int) -> Report:
    message = (
        f"{size:,} bytes are more than the {most:,} that are read (COGNIFY_MAX_PACKAGE_BYTES); nothing was checked"
    )
    return Report(subject, (unchecked("package_size", message),), RUN_CHECKS)


def _read(data: bytes) -> tuple[Package | None, list[Finding]]:
    try:
        return read_package(data), []
    except FormatError as error:
        return None, [contradicts("package_form", f"the package does not read: {error}")]


def _check_runs(package: Package, trusted: Sequence[PublicKey]) -> list[Finding]:
    findings = check_sealed_run(package.run, trusted, carried=package.run.public_key)
    for number, addendum in enumerate(package.addenda, start=1):
        where = f"addendum {number}: "
        findings += check_sealed_run(addendum, trusted, carried=addendum.public_key, where=where)
    return [*findings, *check_chain(package.run, package.addenda)]


def _check_rendering(package: Package, data: bytes) -> list[Finding]:
    if package.renderer != RENDERER:
        message = f"rendered by {package.renderer[:80]!r}, which this version does not know; it knows {RENDERER!r}"
        return [unchecked("package_renderer", message)]
    try:
        expected = document(package.run, package.addenda)
    except CognifyError:
        return [unchecked("package", "the package cannot be rendered again, for what it is made from does not hold")]
    if encode(expected) == data:
        return [holds("package", "the package is, byte for byte, what its record renders to")]
    return list(_differences(package.value, expected)) or [
        contradicts("package", "the package is not its own rendering")
    ]


def _differences(found: dict[str, Json], expected: dict[str, Json], where: str = "") -> Iterator[Finding]:
    """Name what differs. Values are compared as bytes: Python's own `==` takes 1 for true."""
    for key in sorted(found.keys() | expected.keys()):
        if key not in expected:
            yield contradicts("package_key", f"{where}holds a key that no package of its renderer has: {key[:80]!r}")
        elif key not in found:
            yield contradicts(f"package_{key}", f"{where}{key} is missing")
        elif encode(found[key]) != encode(expected[key]):
            yield from _value_differences(key, found[key], expected[key], where)


def _value_differences(key: str, found: Json, expected: Json, where: str) -> list[Finding]:
    if key == "addenda":
        pairs = enumerate(zip(found, expected, strict=True), start=1)
        return [
            finding for number, (one, other) in pairs for finding in _differences(one, other, f"addendum {number}: ")
        ]
    if key in LISTS and isinstance(found, list):
        pairs = enumerate(zip_longest(found, expected, fillvalue="nothing"))
        told = [f"{key} {place}: {_told(*pair)}" for place, pair in pairs if encode(pair[0]) != encode(pair[1])]
    elif isinstance(found, dict):
        names = sorted(found.keys() | expected.keys())
        told = [
            f"{key}.{name}: {_told(found.get(name), expected.get(name))}"
            for name in names
            if found.get(name) != expected.get(name)
        ]
    else:
        told = [f"{key}: {_told(found, expected)}"]
    return capped([contradicts(f"package_{key}", f"{where}{line}") for line in told], where)


def _told(found: Json, expected: Json) -> str:
    return f"the package says {_short(found)}, and what it carries says {_short(expected)}"


def _short(value: Json) -> str:
    text = encode(value).decode()
    return text if len(text) <= 160 else f"{text[:157]}…"
