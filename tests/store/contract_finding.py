"""What every store promises of those who look for runs."""

from __future__ import annotations

import pytest

from cognify_core.api.gaps import count_gaps
from cognify_core.errors import RunNotFoundError
from cognify_core.model.events import Release, parse_event
from cognify_core.model.record import Status
from cognify_core.store.finding import RECORDED_BY, Counts, Glance, Wanted
from cognify_core.store.protocol import Opening, Store
from tests import factories
from tests.store.contract_mentions import MentionsContract
from tests.store.values import ADDENDUM, BUNDLE, OPENINGS, OTHER, RUN, amends, begin, closed, draft, frozen

THIRD = "run_20250915_000000_0ade0"
ADA = Opening("sha256:1", "user", b"\x00" * 32, "Ada_L")
KEY = Opening("sha256:2", RECORDED_BY, b"\x00" * 32, "token 1 (a machine)")


def found(store: Store, **wanted: object) -> list[str]:
    return [row.run_id for row in store.find_runs(Wanted(**wanted))]  # type: ignore[arg-type]  # each test names its own


def begun(store: Store, *run_ids: str) -> None:
    """Runs that begin one after the other."""
    for hour, run_id in enumerate(run_ids, 10):
        begin(store, run_id, time=f"2025-09-12T{hour}:00:00.000000Z", name=f"Run {hour}", project=f"p{hour % 2}")


class FindingContract(MentionsContract):
    """Lists of runs."""

    def test_runs_are_found_by_their_name_id_project_and_time(self, store: Store) -> None:
        begun(store, RUN, OTHER, THIRD)
        assert found(store) == [THIRD, OTHER, RUN]
        assert (found(store, text="rUN 11"), found(store, text="0ADE0")) == ([OTHER], [THIRD])
        assert (found(store, text="%"), found(store, text="un_1")) == ([], [])
        assert found(store, project="p0") == [THIRD, RUN]
        within = {"since": "2025-09-12T11", "until": "2025-09-12T12"}
        assert found(store, **within) == [OTHER]
        assert (store.count_runs(**within).runs, store.count_runs(since="2025-09-12T11").runs) == (1, 2)

    def test_releases_of_a_project_are_found_oldest_first_by_the_run_that_they_release(self, store: Store) -> None:
        begun(store, OTHER)
        frozen(store, RUN)
        begin(store, ADDENDUM, amends=amends(RUN))
        said = Release(approved_by="A", role="r", ran_by="B", on="2026-11-29")
        store.append(ADDENDUM, [draft(said, 1), draft(said.model_copy(update={"role": "s"}), 2)])
        project = store.run(RUN).project
        found = [(run_id, parse_event(event).body.role) for run_id, event in store.releases(project)]  # type: ignore[attr-defined]  # each is a release
        assert found == [(RUN, "r"), (RUN, "s")]
        assert store.releases("another") == []

    def test_pages_follow_one_another(self, store: Store) -> None:
        begun(store, RUN, OTHER, THIRD)
        first = store.find_runs(Wanted(), limit=2)
        assert [row.run_id for row in store.find_runs(Wanted(), after=first[-1].run_id)] == [RUN]
        with pytest.raises(RunNotFoundError, match="after which a page could begin"):
            store.find_runs(Wanted(), after=ADDENDUM)

    def test_runs_are_found_by_how_they_stand(self, store: Store) -> None:
        begun(store, RUN, OTHER, THIRD)
        store.append(OTHER, [closed(status="FAILED", complete=False)])
        frozen(store, ADDENDUM, time="2025-09-12T20:00:00.000000Z")
        store.put_bundle(ADDENDUM, BUNDLE)
        stands = {status: found(store, status=status) for status in Status}
        assert {status: runs for status, runs in stands.items() if runs} == {
            Status.RUNNING: [THIRD, RUN],
            Status.FAILED: [OTHER],
            Status.AUDIT_SEALED: [ADDENDUM],
        }
        assert (found(store, sealed=False), found(store, sealed=True)) == ([THIRD, OTHER, RUN], [ADDENDUM])
        assert store.count_runs() == Counts(runs=4, running=2, unsealed=1, sealed=1, gaps=0)

    def test_runs_are_found_by_their_gaps_those_of_addenda_too(self, store: Store) -> None:
        begun(store, OTHER, THIRD)
        frozen(store, RUN)
        unresolved = factories.dataset(assurance="unresolved", reason="gone", hash=None, manifest=None)
        store.append(OTHER, [draft(factories.gap(), 1), draft(factories.note(), 2), draft(unresolved, 3)])
        begin(store, ADDENDUM, amends=amends(), time=factories.CLOSED_AT)
        store.append(ADDENDUM, [draft(factories.gap(subject="approval"), 1)])
        assert (found(store, gaps=True), found(store, gaps=False)) == ([RUN, OTHER], [THIRD])
        glances = store.glance([RUN, OTHER, THIRD, ADDENDUM])
        assert {run_id: count_gaps(glance.gaps) for run_id, glance in glances.items()} == {RUN: 1, OTHER: 2, THIRD: 0}
        assert store.count_runs().gaps == 2

    def test_a_run_is_found_by_who_ran_it_until_that_is_erased(self, store: Store) -> None:
        begun(store, RUN, OTHER, THIRD)
        store.put_openings(RUN, [KEY, ADA, OPENINGS[1]])
        store.put_openings(OTHER, [KEY])
        assert (found(store, person="ada_l"), found(store, person="machine")) == ([RUN], [OTHER, RUN])
        assert (found(store, person="adaxl"), found(store, person="Bücherei")) == ([], [])
        assert {name: glance.person for name, glance in store.glance([RUN, OTHER, THIRD]).items()} == {
            RUN: "Ada_L",
            OTHER: "token 1 (a machine)",
            THIRD: None,
        }
        store.erase_openings(RUN)
        assert (found(store, person="ada"), store.glance([RUN])) == ([], {RUN: Glance()})

    def test_a_discarded_run_is_found_no_more(self, store: Store) -> None:
        begun(store, RUN)
        store.append(RUN, [draft(factories.gap(), 1), closed()])
        store.discard(RUN, "a typo", factories.CLOSED_AT)
        assert (found(store), store.count_runs()) == ([], Counts(0, 0, 0, 0, 0))
        assert store.glance([RUN]) == {}

    def test_projects_are_listed_by_name(self, store: Store) -> None:
        begun(store, RUN, OTHER, THIRD)
        assert store.projects() == ["p0", "p1"]
