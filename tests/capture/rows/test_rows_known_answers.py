from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cognify_core.canonical import encode
from cognify_core.capture.rows import rows_outcome
from cognify_core.capture.rows_encode import rows_of
from cognify_core.capture.rows_kinds import columns_of
from cognify_core.model.digest import Digest
from tests.capture.rows import reference

FORMATS = Path(__file__).parents[2] / "data" / "vectors" / "formats"
ANSWERS: dict[str, Any] = json.loads((FORMATS / "answers.json").read_bytes())


def _table(name: str) -> pa.Table:
    with pa.memory_map(str(FORMATS / f"{name}.arrow")) as file:
        return pa.ipc.open_file(file).read_all()


@pytest.mark.parametrize("name", ANSWERS)
def test_the_first_rows_have_the_known_cbor(name: str) -> None:
    table = _table(name).slice(0, 3).combine_chunks()
    rows = [row.hex() for b in table.to_batches() for row in rows_of(b, columns_of(table.schema, {})).to_pylist()]
    assert rows == [f"00{row}" for row in ANSWERS[name]["rows_cbor"]]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_table_has_the_known_manifest_and_digest(name: str) -> None:
    outcome = rows_outcome(_table(name))
    assert outcome.manifest == encode(ANSWERS[name]["manifest"])
    assert outcome.hash == Digest.parse(ANSWERS[name]["digest"])
    assert outcome.facts == {"rows": ANSWERS[name]["manifest"]["rows"]}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_file_itself_has_the_known_digest(name: str) -> None:
    assert str(rows_outcome(FORMATS / f"{name}.arrow").hash) == ANSWERS[name]["digest"]


@pytest.mark.parametrize("name", ANSWERS)
def test_the_slow_reference_gives_the_known_digest(name: str) -> None:
    columns = ANSWERS[name]["manifest"]["columns"]
    assert str(reference.digest_of(_table(name), columns)) == ANSWERS[name]["digest"]
