"""What every store promises of those who look for content across runs."""

from __future__ import annotations

from cognify_core.model.digest import Digest
from cognify_core.model.events import BaseModelSeen, Body, ModelSeen, parse_event
from cognify_core.store.finding import Wanted
from cognify_core.store.indexing import named
from cognify_core.store.mentions import Holder, Holders
from cognify_core.store.protocol import Store
from tests import factories
from tests.store.values import ADDENDUM, OTHER, RUN, amends, begin, draft, frozen

THIRD = "run_20250915_000000_0ade0"
ROWS, TREE, WEIGHTS = Digest.of(factories.ROWS), Digest.of(factories.TREE), Digest.of(b"weights")


def weights(kind: type[BaseModelSeen | ModelSeen], **fields: object) -> Body:
    """Weights in memory, or what training started from."""
    known = {"ref": "w", "id": "weights", "at": factories.TIME, "assurance": "content", "hash": WEIGHTS}
    return kind.model_validate(known | fields)


def dataset(name: str, content: bytes, **fields: object) -> Body:
    """A dataset of that name."""
    return factories.dataset(**{"ref": name, "name": name, "hash": Digest.of(content), "manifest": None, **fields})


def recorded(store: Store, run_id: str, *bodies: Body, **opened: object) -> None:
    """A run that holds these."""
    begin(store, run_id, **opened)
    store.append(run_id, [draft(body, number) for number, body in enumerate(bodies, 1)])


class MentionsContract:
    """Content across runs."""

    def test_content_leads_to_the_other_runs_that_have_it_newest_first(self, store: Store) -> None:
        recorded(store, RUN, factories.dataset(), factories.checkpoint(20), factories.config(), name="first")
        recorded(store, OTHER, factories.dataset(), factories.dataset(ref="again"), name="second")
        recorded(store, THIRD, factories.dataset())
        assert store.holders([ROWS, TREE], but=RUN) == {
            ROWS: Holders(2, (Holder(THIRD, None, produced=False), Holder(OTHER, "second", produced=False)))
        }
        assert store.holders([TREE, TREE, WEIGHTS]) == {TREE: Holders(1, (Holder(RUN, "first", produced=True),))}
        assert store.holders([ROWS], newest=1)[ROWS] == Holders(3, (Holder(THIRD, None, produced=False),))
        assert store.holders([]) == {}

    def test_what_a_run_made_is_told_from_what_it_used(self, store: Store) -> None:
        resumed = factories.checkpoint(10, facts={"resumed": True}, hash=Digest.of(b"resumed"))
        recorded(store, RUN, weights(ModelSeen, step=40), resumed)
        recorded(store, OTHER, weights(BaseModelSeen, name="base"), weights(ModelSeen, ref="0", step=0))
        found = store.holders([WEIGHTS, Digest.of(b"resumed")])
        made = {(holder.run_id, holder.produced) for holders in found.values() for holder in holders.newest}
        assert made == {(RUN, True), (OTHER, False), (RUN, False)}

    def test_what_an_addendum_holds_its_run_holds(self, store: Store) -> None:
        frozen(store, RUN)
        recorded(store, ADDENDUM, factories.dataset(), amends=amends(), time=factories.CLOSED_AT)
        assert [holder.run_id for holder in store.holders([ROWS])[ROWS].newest] == [RUN]
        assert store.holders([ROWS], but=RUN) == {}
        assert [row.run_id for row in store.find_runs(Wanted(holds=ROWS))] == [RUN]

    def test_runs_are_found_by_the_content_that_they_hold(self, store: Store) -> None:
        recorded(store, RUN, factories.dataset())
        recorded(store, OTHER, factories.dataset(assurance="unresolved", reason="gone", hash=None, manifest=None))
        assert [row.run_id for row in store.find_runs(Wanted(holds=ROWS))] == [RUN]
        assert store.find_runs(Wanted(holds=WEIGHTS)) == []

    def test_a_discarded_run_holds_nothing(self, store: Store) -> None:
        recorded(store, RUN, factories.dataset())
        store.discard(RUN, "a typo", factories.CLOSED_AT)
        assert store.holders([ROWS]) == {}

    def test_datasets_are_listed_by_name_those_of_the_newest_run_first(self, store: Store) -> None:
        recorded(store, RUN, factories.dataset(), dataset("old", b"old"))
        recorded(store, OTHER, factories.dataset(hash=Digest.of(b"other")), factories.checkpoint(20))
        found = store.datasets()
        assert [(each.key, each.runs, each.contents, each.teller.run_id) for each in found] == [
            (named("patient_notes"), 2, 2, OTHER),
            (named("old"), 1, 1, RUN),
        ]
        assert parse_event(found[0].teller.event).body == factories.dataset(hash=Digest.of(b"other"))
        assert store.datasets(limit=1) == found[:1]
        assert store.datasets(after=found[0].cursor) == found[1:]
        assert store.datasets(after=found[1].cursor) == []

    def test_a_dataset_is_told_content_by_content(self, store: Store) -> None:
        lost = factories.dataset(ref="lost", assurance="unresolved", reason="gone", hash=None, manifest=None)
        recorded(store, RUN, factories.dataset(), lost)
        recorded(store, OTHER, factories.dataset(), dataset("another", b"another"))
        recorded(store, THIRD, factories.dataset(hash=Digest.of(b"other"), manifest=None))
        found = store.contents(named("patient_notes"))
        assert [(each.digest, each.runs) for each in found] == [(Digest.of(b"other"), 1), (ROWS, 2), (None, 1)]
        assert [teller.run_id for teller in found[1].tellers] == [OTHER, RUN]
        assert parse_event(found[2].tellers[0].event).body == lost
        assert [each.digest for each in store.contents(named("patient_notes"), after=found[0].cursor)] == [ROWS, None]
        assert [len(each.tellers) for each in store.contents(named("patient_notes"), tellers=1, limit=2)] == [1, 1]
        assert store.contents(named("nothing of that name")) == []

    def test_a_datasheet_in_an_addendum_tells_of_the_dataset_of_its_run(self, store: Store) -> None:
        frozen(store, RUN)
        said = factories.dataset(provenance={"licence": "MIT"})
        recorded(store, ADDENDUM, said, amends=amends(), time=factories.CLOSED_AT)
        (content,) = store.contents(named("patient_notes"))
        assert [(teller.run_id, parse_event(teller.event).body) for teller in content.tellers] == [(RUN, said)]

    def test_a_name_of_any_text_is_found(self, store: Store) -> None:
        names = ["\x00", "ü\u202e", "a" * 5000, ""]
        recorded(store, RUN, *(dataset(name, name.encode(), ref=f"r{number}") for number, name in enumerate(names)))
        assert {each.key for each in store.datasets()} == {named(name) for name in names}
        assert all(store.contents(named(name)) for name in names)


class MentionsOfWorkspacesContract:
    """Content across workspaces."""

    def test_no_workspace_is_told_what_another_one_holds(self, store: Store) -> None:
        recorded(store, RUN, factories.dataset())
        recorded(store, OTHER, factories.dataset(), workspace="another")
        assert [holder.run_id for holder in store.holders([ROWS])[ROWS].newest] == [RUN]
        assert [holder.run_id for holder in store.holders([ROWS], workspace="another")[ROWS].newest] == [OTHER]
        for workspace, runs in (("default", [RUN]), ("another", [OTHER]), ("a third", [])):
            assert [each.teller.run_id for each in store.datasets(workspace=workspace)] == runs
            contents = store.contents(named("patient_notes"), workspace=workspace)
            assert [teller.run_id for content in contents for teller in content.tellers] == runs
