from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Body, CheckpointSeen, Event, Metrics, Note, RunClosed, parse_body, parse_event
from cognify_core.model.numbers import tagged_number
from cognify_core.model.record import RecordManifest
from tests.factories import RUN_ID, TIME, checkpoint, dataset, evaluation, note, record, whole


@pytest.mark.parametrize("body", [*whole(), evaluation(), note()], ids=lambda body: body.kind)
def test_an_event_is_read_as_it_is_written(body: Body) -> None:
    event = Event(RUN_ID, 7, TIME, body)
    assert parse_event(event.encode()) == event


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.text(max_size=9),
            st.floats().map(tagged_number),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_metric_points_are_read_as_they_are_written(points: list[tuple[int, str, Json]]) -> None:
    event = Event(RUN_ID, 1, TIME, Metrics(points=tuple(points)))
    assert parse_event(event.encode()) == event


@given(
    st.floats() | st.integers() | st.sampled_from(["NaN", "-0.0", "1e5", "1e999", "1.50", "Infinity", "true", "[]"]),
    st.integers(0, 60) | st.sampled_from(["1.0", "true", "null", "01", "-0", "9" * 20]),
    st.text(max_size=4) | st.sampled_from(["1.5e-07", "0.0]", "\\", '"', "\x7f", "\u2028"]),
    st.sampled_from([None, "mlflow", "", "a\nb", 'a"b']),
    st.booleans(),
)
def test_a_quick_look_at_metrics_accepts_what_a_close_one_does(
    value: object, step: object, name: str, tracker: str | None, spoilt: bool
) -> None:
    point = f"[{step},{encode(name).decode()},{json.dumps(value) if isinstance(value, float | int) else value}]"
    told = "" if tracker is None else f',"tracker":{encode(tracker).decode()}'
    text = f'{{"kind":"metrics","points":[{point}],"run_id":"{RUN_ID}","seq":1,"time":"{TIME}"{told},"v":1}}'
    data = text.replace(",", ", " if spoilt else ",", 1).encode()
    assert _read(data, parse_event) == _read(data, _look_closely)


def _read(data: bytes, reader: Callable[[bytes], Event]) -> Event | None:
    try:
        return reader(data)
    except FormatError:
        return None


def _look_closely(data: bytes) -> Event:
    value = parse(data)
    rest = {key: value[key] for key in value if key not in ("v", "run_id", "seq", "time")}
    event = Event(value["run_id"], value["seq"], value["time"], parse_body(rest))
    if event.encode() != data:
        raise FormatError("there is another way to write it")
    return event


def _changed(**fields: Any) -> bytes:
    return encode(parse(record()[1]) | fields)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"[]", "not a JSON object"),
        (_changed(v=2), "v: "),
        (_changed(seq=-1), "seq: "),
        (_changed(seq="1"), "seq: "),
        (_changed(run_id="../x"), "run_id: "),
        (_changed(time="2025-09-12T16:45:00Z"), "time: "),
        (_changed(time="2025-13-12T16:45:00.000000Z"), "time: "),
        (_changed(kind="surprise"), "surprise"),
        (_changed(extra=1), "extra"),
        (_changed(hash="md5:abc"), "hash: "),
        (_changed(assurance="unresolved"), "has a reason"),
        (_changed(reason="because"), "no other has one"),
        (_changed(record_count=-1), "record_count"),
        (_changed(record_count=True), "record_count"),
        (_changed(schema_version_defaulted=1), "schema_version_defaulted"),
        (record()[1] + b" ", "not canonical"),
    ],
)
def test_what_is_no_event_is_refused_and_the_field_named(data: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        parse_event(data)


def test_an_event_has_one_spelling() -> None:
    with pytest.raises(FormatError, match="another way than its one form"):
        parse_event(_changed(reason=None))


def test_an_unresolved_artifact_has_no_hash() -> None:
    with pytest.raises(ValidationError, match="has no hash"):
        checkpoint(assurance="unresolved", reason="rotated before hashed")


def test_an_artifact_whose_content_was_hashed_has_a_hash() -> None:
    with pytest.raises(ValidationError, match="has a hash"):
        CheckpointSeen(ref="a", id="ckpt_step_1", at=TIME, assurance="content", step=1)


def test_a_record_is_incomplete_for_a_reason() -> None:
    with pytest.raises(ValidationError, match="an incomplete record has reasons"):
        RunClosed(status="COMPLETED", complete=False, counts={})


def test_results_are_numbers() -> None:
    with pytest.raises(ValidationError, match="not a number"):
        evaluation(results={"eval_loss": "low"})


def test_text_that_looks_like_markup_stays_text() -> None:
    event = Event(RUN_ID, 1, TIME, Note(text="<script>=1+1</script>\n[red]"))
    assert parse_event(event.encode()) == event


def test_the_record_manifest_binds_the_root_to_the_run() -> None:
    mine, others = (RecordManifest(run_id, 0, Digest.of(b"").hex) for run_id in (RUN_ID, "run_20250101_000000_00000"))
    assert mine.digest != others.digest
    assert mine.digest != Digest.of(b"")


def test_events_say_nothing_of_fields_that_are_empty() -> None:
    assert b"null" not in Event(RUN_ID, 1, TIME, dataset(record_count=None)).encode()
