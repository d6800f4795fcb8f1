"""Where the rows of a `datasets.Dataset` came from, through all that is made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("datasets")

from tests.integrations.scripted import run

pytestmark = pytest.mark.slow

TABLES = """
import json, pathlib
import datasets, pandas, pyarrow
import torch.utils.data as torch_data
datasets.disable_progress_bars()
rows = pandas.DataFrame({"text": list("abcdefgh"), "label": [0, 1] * 4})
for name in "abc":
    rows.to_csv(f"{name}.csv", index=False)
rows.to_json("rows.json", orient="records", lines=True)
rows.to_parquet("rows.parquet")
pathlib.Path("tables").mkdir()
rows.to_parquet("tables/within.parquet")
table = pyarrow.Table.from_pandas(rows)
with pyarrow.OSFile("rows.arrow", "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
pathlib.Path("rows.txt").write_text("one\\ntwo\\n")
load = datasets.load_dataset
one = load("csv", data_files="a.csv", split="train")
both = load("csv", data_files={"train": "a.csv", "test": "b.csv"})
three = load("csv", data_files={"train": ["a.csv", "b.csv"], "test": "c.csv"})
one.map(lambda row: {"more": 1}).save_to_disk("saved")
made = datasets.Dataset.from_dict({"text": ["x"], "label": [1]}, features=one.features)
"""

MADE = {
    "csv": ("one", ["a.csv"]),
    "json": ("load('json', data_files='rows.json', split='train')", ["rows.json"]),
    "parquet": ("load('parquet', data_files='rows.parquet', split='train')", ["rows.parquet"]),
    "text": ("load('text', data_files='rows.txt', split='train')", ["rows.txt"]),
    "arrow": ("load('arrow', data_files='rows.arrow', split='train')", ["rows.arrow"]),
    "a folder": ("load('tables', split='train')", ["within.parquet"]),
    "in memory": ("load('csv', data_files='a.csv', split='train', keep_in_memory=True)", ["a.csv"]),
    "from_csv": ("datasets.Dataset.from_csv('b.csv')", ["b.csv"]),
    "from_json": ("datasets.Dataset.from_json('rows.json')", ["rows.json"]),
    "from_text": ("datasets.Dataset.from_text('rows.txt')", ["rows.txt"]),
    "from_parquet": ("datasets.Dataset.from_parquet('rows.parquet')", ["rows.parquet"]),
    "a split of several": ("both['test']", ["b.csv"]),
    "several files": ("three['train']", ["a.csv", "b.csv"]),
    "slices": ("load('csv', data_files={'x': 'a.csv', 'y': 'b.csv'}, split='x[:50%]')", ["a.csv"]),
    "slices added": ("load('csv', data_files={'x': 'a.csv', 'y': 'b.csv'}, split='x[:2]+y')", ["a.csv", "b.csv"]),
    "all": ("load('csv', data_files={'x': 'a.csv', 'y': 'b.csv'}, split='all')", ["a.csv", "b.csv"]),
    "mapped": ("one.map(lambda row: {'length': len(row['text'])})", ["a.csv"]),
    "mapped in two processes": ("one.map(lambda row: {'length': 2}, num_proc=2)", ["a.csv"]),
    "mapped without a cache": ("one.map(lambda row: {'length': 3}, load_from_cache_file=False)", ["a.csv"]),
    "filtered": ("one.filter(lambda row: row['label'])", ["a.csv"]),
    "shuffled and selected": ("one.shuffle(seed=1).select([4, 2]).flatten_indices()", ["a.csv"]),
    "columns changed": ("one.rename_column('text', 'x').remove_columns('label').add_column('n', [1] * 8)", ["a.csv"]),
    "cast": ("one.cast_column('label', datasets.Value('int8')).class_encode_column('label')", ["a.csv"]),
    "sorted, sharded, formatted": ("one.sort('text').shard(2, 1).with_format('numpy')", ["a.csv"]),
    "a train and test split": ("one.train_test_split(0.5, seed=1)['test']", ["a.csv"]),
    "concatenated": ("datasets.concatenate_datasets([both['train'], three['test']])", ["a.csv", "c.csv"]),
    "interleaved": ("datasets.interleave_datasets([both['train'], three['test']])", ["a.csv", "c.csv"]),
    "torch's combinations": (
        "torch_data.ConcatDataset([both['train'], torch_data.Subset(three['test'], [1])])",
        ["a.csv", "c.csv"],
    ),
    "saved and loaded": ("datasets.load_from_disk('saved')", ["a.csv", "saved"]),
}


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The names of the files that each dataset came from, as a process that was watched knows them."""
    folder = tmp_path_factory.mktemp("origins")
    program = TABLES + "from cognify_integrations.origins import ORIGINS\nfound = {}\n"
    for name, (expression, _) in MADE.items():
        program += f"origin = ORIGINS.of({expression})\n"
        program += f"found[{name!r}] = [pathlib.Path(file.place).name for file in origin.files] if origin else None\n"
    program += "mixed = ORIGINS.of(datasets.concatenate_datasets([one, made]))\n"
    program += "found['mixed'] = [pathlib.Path(file.place).name for file in mixed.files] + [mixed.whole]\n"
    program += "found['unknown'] = ORIGINS.of(made)\nprint(json.dumps(found))\n"
    ran = run(folder / "ran", "-c", program, recorded=True)
    assert ran.code == 0, ran.stderr
    found: dict[str, list[str]] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", MADE)
def test_rows_are_followed_to_their_files(name: str, origins: dict[str, list[str]]) -> None:
    assert origins[name] == MADE[name][1]


def test_rows_of_which_some_came_from_elsewhere_are_known_as_such(origins: dict[str, list[str]]) -> None:
    assert origins["mixed"] == ["a.csv", False]
    assert origins["unknown"] is None


TRAINS = """
from pathlib import Path
import datasets, os
Path("rows.json").write_text("".join('{"input_ids": [%d, 2, 3], "labels": %d}\\n' % (i, i % 2) for i in range(64)))
rows = datasets.load_dataset("json", data_files="rows.json", split="train").shuffle(seed=1)
"""

_TRAIN = "from tests.integrations import tiny\ntiny.trainer(Path('out'), callbacks=[], train=rows).train()\n"


def gaps_of(folder: Path, more: str) -> tuple[list[str], list[str]]:
    """The subjects of the gaps of a training, and the edges into the rows that it is fed."""
    ran = run(folder / "ran", "-c", TRAINS + more + _TRAIN, recorded=True)
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    edges = [edge["from"] for edge in package["edges"] if edge["to"] == "ds_train_v1"]
    gaps = [f"{gap['subject']}: {gap['reason']}" for gap in package["gaps"] if not gap["subject"].startswith("base_")]
    return gaps, edges


@pytest.mark.training
def test_a_training_is_fed_rows_with_their_file_as_source_and_no_gap(tmp_path: Path) -> None:
    assert gaps_of(tmp_path, "") == ([], ["ds_rows_json_v1"])


@pytest.mark.training
def test_a_stream_that_nobody_watches_has_its_file_as_source_once(tmp_path: Path) -> None:
    more = "rows = datasets.load_dataset('json', data_files='rows.json', split='train', streaming=True)\n"
    (gap,), edges = gaps_of(tmp_path, more)
    assert gap == "ds_train_v1: stream"
    assert edges == ["ds_rows_json_v1"]


@pytest.mark.training
def test_a_file_that_changed_after_it_was_loaded_is_a_named_gap(tmp_path: Path) -> None:
    (gap,), edges = gaps_of(tmp_path, "with open('rows.json', 'a') as file: file.write('{}')\n")
    assert gap.endswith("rows.json: changed between being loaded and being hashed")
    assert edges == ["ds_rows_json_v1"]


@pytest.mark.training
def test_rows_added_from_memory_are_a_named_gap(tmp_path: Path) -> None:
    added = "datasets.Dataset.from_dict({'input_ids': [[1, 2, 3]], 'labels': [1]}, features=rows.features)"
    (gap,), edges = gaps_of(tmp_path, f"rows = datasets.concatenate_datasets([rows, {added}])\n")
    assert gap == "source files: some of the rows fed came from something that was not seen"
    assert edges == ["ds_rows_json_v1"]


@pytest.mark.training
def test_too_many_files_of_one_dataset_are_a_named_gap(tmp_path: Path) -> None:
    more = """
(lines,) = [Path("rows.json").read_text()]
for number in range(250):
    Path(f"{number}.json").write_text(lines)
rows = datasets.load_dataset("json", data_files=[f"{number}.json" for number in range(250)], split="train")
"""
    gaps, edges = gaps_of(tmp_path, more)
    (told,) = [found for gap in gaps if (found := re.fullmatch(r"source files: (\d+) of 250 are too many.*", gap))]
    assert len(edges) + int(told[1]) == 250
    assert 0 < int(told[1]) <= 150


@pytest.mark.training
def test_a_url_is_declared(tmp_path: Path) -> None:
    more = """
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory="."))
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/rows.json"
rows = datasets.load_dataset("json", data_files=url, split="train")
"""
    program = TRAINS + more + _TRAIN
    ran = run(tmp_path / "ran", "-c", program, recorded=True, HF_HUB_OFFLINE="0")
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    said = [json.loads(line) for line in package["record"]["events"]]
    (source,) = [each for each in said if each["kind"] == "dataset" and each.get("location", "").startswith("http")]
    assert source["assurance"] == "declared"
    assert [edge["from"] for edge in package["edges"] if edge["to"] == "ds_train_v1"] == [source["id"]]
