"""Two runs beside each other, as a page."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cognify_core.canonical import encode
from cognify_core.model.digest import Digest
from cognify_core.model.events import BaseModelSeen, Body, EnvironmentSeen, Metrics
from cognify_core.server.roles import Role
from tests import factories
from tests.server.hostile import HOSTILE, hostile_run, what_pages_never_hold
from tests.server.serving import Room, Served, line
from tests.server.test_pages import see
from tests.server.test_pages_hostile import hostile_key
from tests.server.test_pages_run import alone as alone  # a fixture
from tests.server.test_pages_run import ended, sealed


def manifest(room: Room, **values: Any) -> dict[str, Any]:
    """A manifest of the configuration form that holds these, as an artifact names it."""
    data = encode({"format": "cognify.config/v1", "redaction": "v1", "config": values})
    room.served.store.put_manifest(data, workspace=room.name)
    content = {"hash": Digest.of(data), "manifest": "cognify.config/v1", "assurance": "content"}
    return {"at": factories.TIME, **content}


def recorded(room: Room, *bodies: Body, **opened: Any) -> str:
    """A run that holds these."""
    for data in factories.MANIFESTS.values():
        room.served.store.put_manifest(data, workspace=room.name)
    run_id = room.begin(**opened)
    said = [body.model_dump(mode="json", exclude_none=True) for body in bodies]
    if said:
        room.append(run_id, *(line(body, number) for number, body in enumerate(said))).raise_for_status()
    return run_id


def compared(room: Room, a: str, b: str, key: str | None = None) -> str:
    return see(room, f"/compare?a={a}&b={b}", key)


def part(page: str, name: str) -> str:
    """One section of the page."""
    return page.partition(f'<h2 id="{name}">')[2].partition("</section>")[0]


def before_the_fold(section: str) -> str:
    """What of a section is seen at once."""
    return section.partition("<details")[0]


def test_data_that_differs_comes_first_and_says_how(room: Room) -> None:
    kept = factories.dataset(ref="kept", id="ds_kept", name="kept", hash=Digest.of(b"kept"), manifest=None)
    other = {"hash": Digest.of(b"other"), "manifest": None}
    lost = {"assurance": "unresolved", "reason": "gone", "hash": None, "manifest": None}
    eval_set = {"ref": "u", "id": "ds_u", "name": "u", "role": "eval"}
    moved = factories.dataset(ref="moved", name="moved", id="ds_moved")
    a = recorded(room, kept, factories.dataset(), factories.dataset(**eval_set, **other))
    b = recorded(room, kept, factories.dataset(record_count=4, **other), factories.dataset(**eval_set, **lost), moved)
    data = part(compared(room, a, b), "data")
    badge = r'<span class="badge [^"]+">(?:<svg.*?</svg>)?([^<]+)</span>'
    rows = dict(re.findall(rf'<th scope="row">([^<]+)</th>.*?{badge}', data))
    assert rows == {
        "patient_notes (train)": "Other content",
        "u (eval)": "Not known: a content was not seen",
        "moved (train)": "In B alone",
        "kept (train)": "Same content",
    }
    assert "kept (train)" not in before_the_fold(data)
    assert "the very content of patient_notes (train)" in data
    assert "4 records, version 3" in data


def test_configurations_show_what_differs_and_fold_what_is_the_same(room: Room) -> None:
    same = {"batch_size": 8, "optim": {"name": "adamw"}}
    a = recorded(room, factories.config(**manifest(room, learning_rate=0.0002, only_a="x", **same)))
    b = recorded(room, factories.config(**manifest(room, learning_rate=0.0001, **same)))
    section = part(compared(room, a, b), "configuration")
    seen_at_once = before_the_fold(section)
    assert re.findall(r'<th scope="row">([^<]+)</th>', seen_at_once) == ["digest", "learning_rate", "only_a"]
    assert '<code class="value">0.0002</code></td><td><code class="value">0.0001</code>' in seen_at_once
    assert '<code class="value">x</code></td><td><span class="muted">not there</span>' in seen_at_once
    assert "2 the same" in section
    assert "optim.name" in section


def test_environments_are_compared_package_by_package(room: Room) -> None:
    packages = [{"packages": {"torch": version, "numpy": "2.1"}} for version in ("2.5", "2.6")]
    a, b = (
        recorded(room, EnvironmentSeen(ref="e", id="env", facts={"cpu": 4}, **manifest(room, **each)))
        for each in packages
    )
    seen_at_once = before_the_fold(part(compared(room, a, b), "environment"))
    assert re.findall(r'<th scope="row">([^<]+)</th>', seen_at_once) == ["digest", "packages.torch"]


def test_metrics_lie_over_each_other_with_a_legend(room: Room) -> None:
    a = recorded(room, Metrics(points=((1, "loss", 2.0), (2, "loss", 1.0), (1, "alone", 3.0))))
    b = recorded(room, Metrics(points=((1, "loss", 2.5), (2, "loss", 0.5))))
    section = part(compared(room, a, b), "metrics")
    told = "A: last 1 · min 1 · max 2; B: last 0.5 · min 0.5 · max 2.5"
    assert f'aria-label="loss over steps: {told}"' in section
    assert section.index("loss over steps") < section.index("alone over steps")
    loss = section.partition("loss over steps")[2].partition("</figure>")[0]
    assert [loss.count(each) for each in ('plot-line plot-1"', 'plot-line plot-2 plot-dashed"')] == [2, 2]
    assert "Points of loss, A" in loss
    assert "Points of loss, B" in loss


def test_evaluations_are_compared_metric_by_metric(room: Room) -> None:
    a = recorded(room, factories.evaluation(results={"eval_loss": 0.25, "f1": 0.5}))
    b = recorded(room, factories.evaluation(results={"eval_loss": 0.2, "f1": 0.5}))
    section = part(compared(room, a, b), "evaluations")
    assert "final, step 20: eval_loss" in before_the_fold(section)
    assert '<td class="number">-0.05</td>' in section
    assert "final, step 20: f1" not in before_the_fold(section)


def test_weights_are_compared_by_their_digests(room: Room) -> None:
    known = {"ref": "b", "id": "base_llama", "at": factories.TIME, "assurance": "content", "name": "llama"}
    base = BaseModelSeen.model_validate(known | {"hash": Digest.of(b"base")})
    saved = (factories.checkpoint(20, inputs=(), hash=Digest.of(each), manifest=None) for each in (b"one", b"other"))
    a, b = (recorded(room, base, each) for each in saved)
    section = part(compared(room, a, b), "weights")
    assert re.findall(r'<th scope="row">([^<]+)</th>', section) == ["ckpt_step_20", "base_llama"]
    assert "Other content" in before_the_fold(section)


def test_what_addenda_say_is_told_apart_from_two_alike_records(room: Room) -> None:
    a, b = sealed(room), sealed(room)
    assert "What addenda say" not in compared(room, a, b)
    room.ask("POST", f"/runs/{a}/notes", json={"text": "seen later"}).raise_for_status()
    shown = compared(room, a, b)
    assert "The two lineages have the same nodes, with the same content." in shown
    assert "What addenda say is not among them, and is compared below." in shown
    assert "notice-good" not in shown


def test_two_alike_have_no_difference(room: Room) -> None:
    a, b = ended(room), ended(room)
    shown = compared(room, a, b)
    assert "The two lineages have the same nodes, with the same content." in shown
    assert shown.count("No difference.") == 4
    assert f"cognify diff {a} {b}" in shown
    assert "nodes of the two lineages differ" not in shown
    assert "4 nodes of the two lineages differ" in compared(room, a, room.begin())


def test_two_runs_are_chosen_in_the_list_or_from_a_run(room: Room) -> None:
    a, b, c = ended(room, name="first"), ended(room, name="second"), ended(room)
    for run_id in (a, b):
        assert f'name="run" value="{run_id}" form="compare"' in see(room, "/runs")
    answer = room.served.ask("GET", f"/w/{room.name}/compare?run={a}&run={b}", room.key)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{room.name}/compare?a={a}&b={b}")
    for chosen in (f"?run={a}", f"?run={a}&run={b}&run={c}"):
        answer = room.served.ask("GET", f"/w/{room.name}/compare{chosen}", room.key)
        assert answer.status_code == 422
        assert "Two runs are compared;" in answer.text
    assert f'href="/w/{room.name}/compare?a={a}"' in see(room, f"/runs/{a}")
    form = see(room, f"/compare?a={a}")
    assert f'name="a" value="{a}"' in form
    assert f'<option value="{b}">second</option>' in form
    assert f'href="/w/{room.name}/compare?a={b}&amp;b={a}"' in compared(room, a, b)


def test_a_run_of_another_workspace_is_not_there(room: Room, served: Served) -> None:
    mine, theirs = sealed(room), sealed(served.new_workspace())
    for asked in (f"?a={mine}&b={theirs}", f"?a={theirs}&b={mine}"):
        assert served.ask("GET", f"/w/{room.name}/compare{asked}", room.key).status_code == 404
    assert theirs not in see(room, "/compare")


def test_every_role_compares_and_each_run_has_an_access(room: Room) -> None:
    a, b = sealed(room), sealed(room)
    for role in Role:
        compared(room, a, b, room.served.key(role, room.name))
    assert [room.last_access(run_id)["action"] for run_id in (a, b)] == ["diff", "diff"]
    assert room.served.ask("GET", f"/w/{room.name}/compare?a={a}&b={b}").status_code == 303


def test_nothing_hostile_becomes_markup(room: Room) -> None:
    key, (a, b) = hostile_key(room), (hostile_run(room), hostile_run(room))
    plain_run = ended(room)
    for shown in (compared(room, a, b, key), compared(room, plain_run, a, key), see(room, "/compare", key)):
        assert what_pages_never_hold(shown) == []
        assert "<img" not in shown.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(shown)
    answer = room.served.ask("GET", f"/w/{room.name}/compare", key, params={"a": HOSTILE[:60]})
    assert what_pages_never_hold(answer.text) == []


@pytest.mark.parametrize("asked", [f"?a={'x' * 61}&b=y", "?a=x&b=y"])
def test_what_is_no_run_is_refused(room: Room, asked: str) -> None:
    assert room.served.ask("GET", f"/w/{room.name}/compare{asked}", room.key).status_code in (404, 422)


def test_a_record_that_does_not_read_is_said_to_be_so(alone: Room) -> None:
    a, b = sealed(alone), sealed(alone)
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TRIGGER events_update")
        raw.execute("UPDATE events SET event = x'7b' WHERE seq = 2 AND run_id = ?", (a,))
    shown = compared(alone, a, b)
    assert "The record of a run does not read." in shown
    assert 'id="data"' not in shown
