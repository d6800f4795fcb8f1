from __future__ import annotations

import pytest

from cognify_core.canonical import encode
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, Body, Event, Link
from cognify_core.model.lineage import Edge, Lineage, Node, fold
from tests.factories import NONCE, RUN_ID, TIME, checkpoint, closed, config, dataset, evaluation, opened

OTHER = Digest.of(b"other")


def _fold(*bodies: Body) -> Lineage:
    return fold(Event(RUN_ID, seq, TIME, body) for seq, body in enumerate(bodies))


def _ids(lineage: Lineage) -> list[str]:
    return [node.id for node in lineage.nodes]


def test_artifacts_become_nodes_and_their_inputs_edges() -> None:
    lineage = _fold(opened(), dataset(), config(), checkpoint(20))
    assert _ids(lineage) == ["ds_patient_notes_v3", "cfg_llama3_8b_lora_r16", "ckpt_step_20"]
    assert [edge.to_json() for edge in lineage.edges] == [
        {"from": "cfg_llama3_8b_lora_r16", "to": "ckpt_step_20"},
        {"from": "ds_patient_notes_v3", "to": "ckpt_step_20"},
    ]


def test_an_input_may_be_recorded_after_what_came_from_it() -> None:
    assert _fold(checkpoint(20), config(), dataset()).edges == _fold(dataset(), config(), checkpoint(20)).edges


def test_a_node_carries_what_auditors_read() -> None:
    node = _fold(dataset()).nodes[0].to_json()
    assert node.keys() >= {"type", "id", "hash", "timestamp", "assurance", "record_count", "schema_version"}
    assert node["timestamp"] == "2025-09-12T15:00:00Z"


def test_two_contents_of_one_name_get_two_ids() -> None:
    lineage = _fold(dataset(), dataset(ref="again", hash=OTHER))
    assert _ids(lineage) == ["ds_patient_notes_v3", f"ds_patient_notes_v3-{OTHER.hex[:4]}"]


def test_one_content_seen_twice_is_one_node() -> None:
    lineage = _fold(dataset(), dataset(ref="again"), config(), checkpoint(20, inputs=("again", "config")))
    assert _ids(lineage).count("ds_patient_notes_v3") == 1
    assert Edge("ds_patient_notes_v3", "ckpt_step_20") in lineage.edges


def test_two_unresolved_artifacts_are_never_one() -> None:
    unresolved = {"hash": None, "manifest": None, "assurance": "unresolved", "reason": "stream"}
    assert len(_fold(dataset(**unresolved), dataset(ref="again", **unresolved)).nodes) == 2


def test_a_link_is_an_edge_found_out_later() -> None:
    lineage = _fold(
        dataset(),
        dataset(ref="files", id="ds_files_v1", hash=OTHER),
        Link(source="files", target="train", why="content"),
    )
    assert lineage.edges == (Edge("ds_files_v1", "ds_patient_notes_v3"),)


def test_an_addendum_reaches_into_the_run_that_it_amends() -> None:
    amends = Amends(run_id="run_20250101_000000_00000", nonce=NONCE, ordinal=1, previous=OTHER)
    lineage = _fold(opened(amends=amends), evaluation(inputs=("@ckpt_step_20",)))
    assert lineage.edges[0].source == "run_20250101_000000_00000/ckpt_step_20"


def test_an_input_that_names_nothing_is_refused() -> None:
    with pytest.raises(FormatError, match="names 'config', which the record does not hold"):
        _fold(dataset(), checkpoint(20))


def test_edges_to_what_a_dead_process_never_recorded_are_left_out() -> None:
    seen = [dataset(), checkpoint(20)]
    end = closed(seen, status="INTERRUPTED", complete=False, reasons=("1 digests were still being taken",))
    assert _fold(*seen, end).edges == (Edge("ds_patient_notes_v3", "ckpt_step_20"),)


def test_only_addenda_reach_into_other_runs() -> None:
    with pytest.raises(FormatError, match="names '@ckpt_step_20'"):
        _fold(opened(), evaluation(inputs=("@ckpt_step_20",)))


def test_one_ref_for_two_artifacts_is_refused() -> None:
    with pytest.raises(FormatError, match="two artifacts have the ref 'train'"):
        _fold(dataset(), dataset(hash=OTHER))


def test_a_cycle_is_refused_and_named() -> None:
    with pytest.raises(FormatError, match="a cycle through"):
        _fold(dataset(inputs=("config",)), config(inputs=("train",)))


def test_a_graph_that_exists_is_acyclic() -> None:
    nodes = tuple(Node("dataset", name, None, TIME, "unresolved", "stream") for name in ("a", "b"))
    with pytest.raises(FormatError, match="a cycle"):
        Lineage(nodes, (Edge("a", "b"), Edge("b", "a")))


def test_the_signed_lineage_has_exactly_five_keys() -> None:
    lineage = _fold(dataset())
    document = lineage.document(RUN_ID, "AUDIT_SEALED", "2025-09-12T16:45:00Z")
    assert sorted(document) == ["edges", "nodes", "run_id", "sealed_at", "status"]
    assert lineage.digest(RUN_ID, "AUDIT_SEALED", "2025-09-12T16:45:00Z") == Digest.of(encode(document))
