"""A package, ways to tamper with it, and what verification then says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from cognify_core.canonical import encode, parse
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import render_package
from cognify_core.export.grc_records import grc_records
from cognify_core.export.inputs import SealedRun, made_from
from cognify_core.export.package_json import RENDERER
from cognify_core.seal.sealing import seal_package
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.package import check_package
from cognify_core.verify.package_form import read_package
from cognify_core.verify.report import Report
from tests.factories import SIGNER, FixedSigner, addendum, sealed_run
from tests.tamper.keeping import keep
from tests.tamper.offline import offline

TRUSTED = (SIGNER.public_key,)


def package(run: SealedRun | None = None, addenda: Sequence[SealedRun] = ()) -> bytes:
    return render_package("json", None, run or sealed_run(), addenda)


def amended(count: int = 2) -> tuple[SealedRun, list[SealedRun]]:
    """A run and its addenda."""
    run, addenda = sealed_run(), list[SealedRun]()
    for _ in range(count):
        addenda.append(addendum(run, addenda))
    return run, addenda


def receipt_of(data: bytes, run: SealedRun, addenda: Sequence[SealedRun] = (), signer: FixedSigner = SIGNER) -> bytes:
    return seal_package(data, "package.json", made_from(run, addenda, "json", None, RENDERER), signer)


def edited(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The package after `change` has been done to its JSON; canonical, as a careful forger would leave it."""
    value = parse(data)
    change(value)
    return encode(value)


def tell_rows_again(value: dict[str, Any]) -> None:
    """Make the flat rows those of what the package now carries, as a careful forger would."""
    read = read_package(encode(value))
    value["grc_records"] = grc_records(Dossier.of(read.run, read.addenda))


def edit_event(part: dict[str, Any], place: int, **fields: Any) -> None:
    """Change fields of one event, leaving everything else alone."""
    event = json.loads(part["record"]["events"][place]) | fields
    part["record"]["events"][place] = encode(event).decode()


def verify(data: bytes, *, trusted: Sequence[PublicKey] = TRUSTED, receipt: bytes | None = None) -> Report:
    """What verification says; the example that needs nothing of ours must not believe what we refuse.

    Nor must it refuse what we believe, where it has the receipt; of a document it knows the receipt alone.
    """
    report = check_package(data, trusted=trusted, receipt=receipt)
    keep(data, report, trusted=trusted, receipt=receipt)
    alone = offline(data, trusted, receipt)
    assert report.exit_code == 0 or alone != 0
    assert alone == 0 or report.exit_code != 0 or receipt is None or not data.startswith(b"{")
    return report


def assert_contradicts(report: Report, code: str, naming: str) -> None:
    """The report contradicts, with this code, in a message that names the thing."""
    assert report.exit_code == 1
    messages = [finding.message for finding in report.contradictions if finding.code == code]
    assert any(naming in message for message in messages), [
        f"{finding.code}: {finding.message}" for finding in report.contradictions
    ]
