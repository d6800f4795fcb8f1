"""The sources of datasets that MLflow is told of: found, fetched, and hashed in full, or a reason why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.huggingface_dataset_source import HuggingFaceDatasetSource
from mlflow.data.spark_dataset_source import SparkDatasetSource
from mlflow.entities import Dataset, DatasetInput, InputTag

import cognify
from cognify_core import api
from cognify_core.model.events import DatasetSeen
from cognify_core.model.record import Status
from cognify_integrations.mlflow_hub import hub_files
from cognify_integrations.mlflow_inputs import record_inputs
from cognify_integrations.mlflow_known import Known
from cognify_integrations.mlflow_sources import Far, Here, Unseen, place_of, shown_source, source_of
from tests.integrations.mlflow_program import Done, Recorded, run_script
from tests.servers.web import ETAG, MODIFIED, NOTES, Web, web

pytestmark = pytest.mark.filterwarnings("ignore:The specified dataset source can be interpreted:UserWarning")
"""MLflow 3.17 registers a local source twice, and warns of it."""

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def site() -> Iterator[Web]:
    with web() as one:
        yield one


def told(source: Any, name: str = "notes", context: str = "training") -> DatasetInput:
    """A dataset as MLflow's client hands it to a store."""
    if isinstance(source, str):
        source = resolve_dataset_source(source)
    dataset = Dataset(name, "9f3a", source._get_source_type(), source.to_json())
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def record(home: Path, *given: DatasetInput, in_server: bool = False) -> Recorded:
    """Record datasets in a run of ours, and read it back."""
    with cognify.run() as ours:
        live = api.this_session().current
        assert live is not None
        record_inputs(Known("0a1b", live, own=False, in_server=in_server), given, None)
    store: Any = api.this_session().workspace.store
    return Recorded(store, store.run(ours.id), home)


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def notes(home: Path, source: Any, **options: Any) -> tuple[DatasetSeen, Recorded]:
    run = record(home, told(source), **options)
    return run.datasets["notes"], run


def reason(home: Path, source: Any, **settings: Any) -> str:
    """Why a dataset has no digest: said of it, and as a gap with what mends it."""
    if settings:
        api.this_session().init(home=home, quiet=True, **settings)
    dataset, run = notes(home, source)
    assert dataset.assurance == "unresolved"
    assert dataset.reason is not None
    [gap] = [gap for gap in run.gaps if gap.subject == "ds_notes_v1"]
    assert (gap.reason, gap.mend) == (dataset.reason, 'cognify.dataset("<the files>", name="notes") before the run')
    return dataset.reason


def test_what_a_url_gives_is_hashed_in_full_and_what_the_server_says_of_it_is_called_declared(
    home: Path, site: Web
) -> None:
    dataset, run = notes(home, HTTPDatasetSource(f"{site.url}/notes.csv?key=tell-nobody"))

    assert dataset.assurance == "content"
    assert str(dataset.hash) == digest(NOTES)
    assert dataset.facts["declared"] == {"etag": ETAG, "last_modified": MODIFIED}
    assert dataset.facts["bytes"] == len(NOTES)
    assert dataset.facts["mlflow_digest_assurance"] == "sampled"
    assert dataset.location == f"{site.url}/notes.csv"
    assert "tell-nobody" not in str(run.bodies)
    assert not [gap for gap in run.gaps if gap.subject == "ds_notes_v1"]


def test_recording_a_dataset_waits_for_no_server(home: Path, site: Web) -> None:
    api.this_session().init(home=home, quiet=True, artifact_seconds=30)
    with cognify.run() as ours:
        live = api.this_session().current
        assert live is not None
        record_inputs(Known("0a1b", live, own=False), [told(f"{site.url}/held")], None)
        site.let_go.set()  # had it waited, nothing would have come
    store: Any = api.this_session().workspace.store
    assert str(Recorded(store, store.run(ours.id), home).datasets["notes"].hash) == digest(NOTES)


def test_a_redirect_on_the_web_is_followed(home: Path, site: Web) -> None:
    dataset, _ = notes(home, f"{site.url}/to?/notes.csv")

    assert str(dataset.hash) == digest(NOTES)


def test_a_redirect_to_a_file_is_not_followed(home: Path, site: Web) -> None:
    assert reason(home, f"{site.url}/to?file:///etc/passwd").startswith(
        "it redirects to where nothing is read: InvalidSchema"
    )


def test_a_redirect_that_never_ends_is_a_reason(home: Path, site: Web) -> None:
    assert reason(home, f"{site.url}/to").startswith("TooManyRedirects")


def test_a_page_that_is_not_there_is_a_reason_without_the_key_in_its_url(home: Path, site: Web) -> None:
    said = reason(home, f"{site.url}/none?signature=tell-nobody")

    assert said == f"HTTPError: 404 Client Error: Not Found for url: {site.url}/none"


def test_a_file_of_which_a_part_is_missing_is_not_hashed(home: Path, site: Web) -> None:
    assert "5 bytes read, 5 more expected" in reason(home, f"{site.url}/cut-short")


def test_a_file_beyond_the_limit_is_not_fetched(home: Path, site: Web) -> None:
    said = reason(home, f"{site.url}/large", artifact_limit=4999)

    assert said == "too large: 5000 bytes, and 4999 a run are fetched (COGNIFY_ARTIFACT_LIMIT)"


def test_what_does_not_say_how_large_it_is_is_read_up_to_the_limit(home: Path, site: Web) -> None:
    said = reason(home, f"{site.url}/endless", artifact_limit=5_000_000)

    assert said.startswith("too large: more than ")


def test_the_limit_is_for_all_datasets_of_a_run_together(home: Path, site: Web) -> None:
    api.this_session().init(home=home, quiet=True, artifact_limit=9000)
    run = record(home, told(f"{site.url}/large", "one"), told(f"{site.url}/large", "two"))

    assert sorted(dataset.assurance for dataset in run.datasets.values()) == ["content", "unresolved"]


def test_the_end_of_a_run_waits_for_a_slow_server_no_longer_than_the_limit(home: Path, site: Web) -> None:
    assert reason(home, f"{site.url}/slow", artifact_seconds=1) == "not fetched within 1 s (COGNIFY_ARTIFACT_SECONDS)"


def test_a_server_that_does_not_answer_at_all_holds_nobody_up_for_longer_either(home: Path, site: Web) -> None:
    assert reason(home, f"{site.url}/silent", artifact_seconds=1) == "not fetched within 1 s (COGNIFY_ARTIFACT_SECONDS)"


def test_a_server_that_is_not_there_is_a_reason_without_credentials(home: Path) -> None:
    said = reason(home, "http://ada:secret@127.0.0.1:9/notes.csv?sig=tell-nobody", artifact_seconds=20)

    assert said.startswith("ConnectionError: ")
    assert "secret" not in said
    assert "tell-nobody" not in said


def test_a_server_of_ours_fetches_nothing_that_its_clients_name(home: Path, site: Web, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"a\n1\n")
    for source in (f"{site.url}/notes.csv", str(tmp_path / "rows.csv"), "s3://bucket/key"):
        dataset, run = notes(home, source, in_server=True)
        assert dataset.assurance == "unresolved"
        assert dataset.reason == "it lies with the client, and a server fetches nothing that its clients name"
        assert [str(gap.mend) for gap in run.gaps if gap.subject == "ds_notes_v1"] == [
            "let the training itself use cognify+http://…: only it can read what it names"
        ]
    assert site.asked == []


def test_a_file_of_this_machine_is_hashed_where_it_lies(home: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"a\n1\n")

    dataset, _ = notes(home, str(tmp_path / "rows.csv"))

    assert str(dataset.hash) == digest(b"a\n1\n")


def test_a_scheme_that_nothing_here_fetches_is_a_reason(home: Path) -> None:
    run = record(home, DatasetInput(Dataset("notes", "9f3a", "odd", '{"uri": "gopher://ada:secret@old/x"}'), []))

    said = str(run.datasets["notes"].reason)
    assert "Could not find a registered artifact repository for: gopher://ada@old/x" in said
    assert "secret" not in str(run.bodies)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (CodeDatasetSource({"mlflow.source.name": "train.py"}), "its source is the script, which names no data"),
        (DeltaDatasetSource(path="/tmp"), "a Delta table: which files make up its version, only Delta tells"),
        (SparkDatasetSource(path="/tmp"), "rows that Spark reads: which files they come from, only Spark tells"),
    ],
)
def test_a_source_that_names_no_files_says_so(home: Path, source: Any, why: str) -> None:
    assert reason(home, source) == why


def test_a_folder_that_hugging_face_loaded_is_hashed_as_a_tree(home: Path, tmp_path: Path) -> None:
    folder = files_in(tmp_path / "data")

    dataset, _ = notes(home, HuggingFaceDatasetSource(path=str(folder)))

    assert dataset.hash == api.hash_path(folder, as_="tree").hash


def test_the_one_file_that_hugging_face_loaded_is_hashed(home: Path, tmp_path: Path) -> None:
    folder = files_in(tmp_path / "data")

    dataset, _ = notes(home, HuggingFaceDatasetSource(path="csv", data_files=str(folder / "a.csv")))

    assert str(dataset.hash) == digest(b"a.csv")


def test_some_files_that_hugging_face_loaded_are_a_tree_of_these_alone(home: Path, tmp_path: Path) -> None:
    folder = files_in(tmp_path / "data")

    whole, _ = notes(home, HuggingFaceDatasetSource(path=str(folder), data_files={"train": "a.csv", "test": "*/b.csv"}))
    (folder / "unread.txt").unlink()

    assert whole.hash == api.hash_path(folder, as_="tree").hash
    assert whole.facts["files"] == 2


def test_a_url_that_hugging_face_loaded_is_fetched(home: Path, site: Web) -> None:
    dataset, _ = notes(home, HuggingFaceDatasetSource(path="csv", data_files=f"{site.url}/notes.csv"))

    assert str(dataset.hash) == digest(NOTES)


def test_a_dataset_of_the_hub_of_which_nothing_is_in_the_cache_is_a_reason(home: Path) -> None:
    said = reason(home, HuggingFaceDatasetSource(path="nobody/nothing-of-this-name"))

    assert "nobody/nothing-of-this-name of the Hub, of which no snapshot is in the cache" in said


def test_a_dataset_of_the_hub_is_what_the_cache_holds_of_its_commit(tmp_path: Path) -> None:
    folder = files_in(tmp_path / "datasets--ours--notes" / "snapshots" / COMMIT)
    (tmp_path / "datasets--ours--notes" / "refs").mkdir()
    (tmp_path / "datasets--ours--notes" / "refs" / "main").write_text(COMMIT)

    newest = hub_files({"path": "ours/notes", "revision": None}, tmp_path)
    exact = hub_files({"path": "ours/notes", "revision": COMMIT}, tmp_path)

    assert newest == exact
    assert newest.folder == folder
    assert newest.facts["hub_commit"] == COMMIT
    assert "which of the files" in str(newest.facts["not_covered"])


@pytest.mark.parametrize("odd", ["../nobody-has-this", "a/b/c", "ours/other", "ours/notes"])
def test_nothing_is_looked_for_outside_the_cache(tmp_path: Path, odd: str) -> None:
    (tmp_path / "secret").write_text("x")

    found = hub_files({"path": odd, "revision": "../../secret"}, tmp_path)

    assert found.reason is not None


def files_in(folder: Path) -> Path:
    for name in ("a.csv", "sub/b.csv", "unread.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_place_is_here_or_elsewhere_or_nothing(tmp_path: Path) -> None:
    (odd := tmp_path / "rows: 2024.csv").write_text("a")

    assert place_of(str(odd)) == Here(odd)
    assert place_of(odd.as_uri()) == Here(odd)
    assert place_of(f"file://localhost{tmp_path}") == Here(tmp_path)
    assert place_of("s3://bucket/key") == Far("s3://bucket/key")
    assert place_of("file://other/etc/passwd") == Unseen("it lies on another machine: file://other/etc/passwd")
    assert "secret" not in str(place_of("file://ada:secret@other/etc/passwd"))
    assert place_of("/no/such/file") == Unseen("there is nothing at its source, /no/such/file")
    assert isinstance(place_of("x" * 5000), Unseen)
    assert isinstance(place_of("a\0b"), Unseen)


@pytest.mark.parametrize("odd", [None, "", "[]", "7", '{"path": 7}', '{"uri": null}', "{}"])
def test_a_source_that_names_nothing_is_a_reason(odd: str | None) -> None:
    for kind in ("local", "http", "hugging_face", "odd"):
        assert isinstance(source_of(kind, odd, in_server=False), Unseen)


def test_a_source_is_shown_without_credentials_wherever_they_stand() -> None:
    source = {"url": "https://ada:secret@example.org/x?sig=1", "data_files": {"train": ["https://token@example.org/y"]}}

    assert shown_source(json.dumps(source)) == (
        '{"url": "https://example.org/x", "data_files": {"train": ["https://example.org/y"]}}'
    )
    assert shown_source("https://ada:secret@example.org/x?sig=1") == "https://example.org/x"


# Each URL is a dataset; MLflow's exit ends the run.
SCRIPT = """
    import mlflow, mlflow.data
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    run = mlflow.start_run()
    for name, url in {urls!r}.items():
        mlflow.log_input(MetaDataset(resolve_dataset_source(url), name=name), context="training")
    print(run.info.run_id)
"""


def run_with(folder: Path, urls: dict[str, str], **more: Any) -> Done:
    folder.mkdir(exist_ok=True)
    return run_script(folder, SCRIPT.format(urls=urls), **more)


@pytest.mark.slow
def test_the_exit_of_a_script_waits_no_longer_than_half_of_its_limit_and_seals(tmp_path: Path, site: Web) -> None:
    urls = {"notes": f"{site.url}/notes.csv", "slow": f"{site.url}/slow", "silent": f"{site.url}/silent"}

    done = run_with(tmp_path / "run", urls, COGNIFY_EXIT_SECONDS="8")

    assert done.run.row.status is Status.AUDIT_SEALED
    assert {name: dataset.reason for name, dataset in done.run.datasets.items()} == {
        "notes": None,
        "slow": "not fetched before the process ended (COGNIFY_EXIT_SECONDS)",
        "silent": "not fetched before the process ended (COGNIFY_EXIT_SECONDS)",
    }


@pytest.mark.slow
def test_a_redirect_from_https_is_followed_to_https_alone(tmp_path: Path, site: Web) -> None:
    with web(tmp_path) as safe:
        urls = {
            "notes": f"{safe.url}/notes.csv",
            "up": f"{site.url}/to?{safe.url}/notes.csv",
            "down": f"{safe.url}/to?{site.url}/notes.csv",
        }
        done = run_with(tmp_path / "run", urls, REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))

    found = done.run.datasets
    assert str(found["notes"].hash) == str(found["up"].hash) == digest(NOTES)
    assert str(found["down"].reason).startswith("it redirects to where nothing is read")
    assert "/notes.csv" not in site.asked
