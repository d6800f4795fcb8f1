"""Which files are a folder's weights, and how two sets of tensors are matched."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from cognify_core.capture.weights import MemoryTensor, Tensor, match_weights, parse_weights, weights_from_files
from cognify_core.capture.weights import weights_from_memory as from_memory
from cognify_core.capture.weights_manifest import render
from cognify_core.errors import FormatError

ARRAYS = {f"layer.{n}.weight": np.full((2, 2), n, dtype="<f4") for n in range(4)}


def shard(root: Path, arrays: dict[str, np.ndarray], *, mapped: dict[str, str] | None = None, parts: int = 2) -> Path:
    root.mkdir(exist_ok=True)
    names = sorted(arrays)
    weight_map: dict[str, str] = {}
    for part in range(parts):
        file = f"model-{part + 1:05d}-of-{parts:05d}.safetensors"
        save_file({name: arrays[name] for name in names[part::parts]}, root / file)
        weight_map |= dict.fromkeys(names[part::parts], file)
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map if mapped is None else mapped}
    (root / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return root


def test_sharding_does_not_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    save_file(ARRAYS, tmp_path / "whole" / "model.safetensors")
    whole = weights_from_files(tmp_path / "whole")
    two, three = shard(tmp_path / "two", ARRAYS), shard(tmp_path / "three", ARRAYS, parts=3)
    assert whole.hash == weights_from_files(two).hash == weights_from_files(three).hash
    assert weights_from_files(two / "model.safetensors.index.json") == weights_from_files(two)
    assert weights_from_files(two).facts["files"] == 2


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["pytorch_model.bin"], "pickle"),
        (["model.ckpt", "config.json"], "pickle"),
        (["__0_0.distcp", ".metadata"], "pickle"),
        (["training_args.bin", "optimizer.pt"], "no weights found"),
        ([], "no weights found"),
        (["model.safetensors", "adapter_model.safetensors"],
         "more than one set of weights: model.safetensors, adapter_model.safetensors"),
        (["a.gguf", "b.gguf"], "more than one set of weights: a.gguf, b.gguf"),
    ],
)  # fmt: skip
def test_a_folder_without_one_set_of_weights_says_why(tmp_path: Path, names: list[str], reason: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert weights_from_files(tmp_path).reason == reason


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt", "__0_0.distcp", "m.pth"])
def test_pickles_are_never_loaded(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert weights_from_files(tmp_path / name).reason == "pickle"


def test_safetensors_beside_a_pickle_are_the_weights(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "model.safetensors")
    (tmp_path / "pytorch_model.bin").touch()
    assert weights_from_files(tmp_path).facts["tensors"] == 4


def test_one_file_of_another_name_is_the_weights(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "diffusion_pytorch_model.safetensors")
    assert weights_from_files(tmp_path).facts["tensors"] == 4


def test_what_is_no_file_of_weights_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert weights_from_files(tmp_path / "notes.txt").reason == "not a file of weights: notes.txt"


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    shard(tmp_path, ARRAYS)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    assert weights_from_files(tmp_path).reason == "vanished: model-00002-of-00002.safetensors"


def test_a_tensor_that_only_the_index_knows_is_named(tmp_path: Path) -> None:
    shard(tmp_path, ARRAYS)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    index["weight_map"]["ghost"] = "model-00001-of-00002.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert weights_from_files(tmp_path).reason == "the index does not fit its shards: 'ghost' is only in the index"


def test_a_tensor_that_the_index_does_not_know_is_named(tmp_path: Path) -> None:
    shard(tmp_path, ARRAYS, mapped={"layer.0.weight": "model-00001-of-00002.safetensors"})
    assert "'layer.2.weight' is in a shard, but not in the index" in str(weights_from_files(tmp_path).reason)


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"[]",
        b"{}",
        b'{"weight_map": []}',
        b'{"weight_map": {"a": 1}}',
        b'{"weight_map": {"a": "../x.safetensors"}}',
        b'{"weight_map": {"a": "x.bin"}}',
        b'{"a":1,"a":2}',
    ],
)
def test_an_index_that_is_not_sound_is_refused(tmp_path: Path, index: bytes) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(index)
    assert str(weights_from_files(tmp_path).reason).endswith(": model.safetensors.index.json")


def in_memory(arrays: dict[str, np.ndarray]) -> list[MemoryTensor]:
    return [
        MemoryTensor(name, "F32", array.shape, lambda array=array: memoryview(array).cast("B"))  # type: ignore[misc]
        for name, array in arrays.items()
    ]


def test_tensors_in_memory_have_the_digests_of_those_in_the_file(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "model.safetensors")
    memory = from_memory(in_memory(ARRAYS), {"tied": "layer.0.weight"})
    file = weights_from_files(tmp_path)
    assert memory.manifest is not None
    assert file.manifest is not None
    assert parse_weights(memory.manifest) == parse_weights(file.manifest)
    assert memory.hash != file.hash  # the manifest says where the names come from
    assert memory.facts == {"tensors": 4, "bytes": 64, "aliases": {"tied": "layer.0.weight"}}


def test_a_tensor_of_another_size_than_its_shape_is_unresolved() -> None:
    tensor = MemoryTensor("a", "F32", (2,), lambda: memoryview(b"1234"))
    assert from_memory([tensor]).reason == "tensor 'a' has 4 bytes, where 8 were expected"


def test_two_tensors_of_one_name_are_unresolved() -> None:
    tensor = MemoryTensor("a", "U8", (1,), lambda: memoryview(b"1"))
    assert from_memory([tensor, tensor]).reason == "two tensors are called 'a'"


def tensor(name: str, content: str, dtype: str = "F32") -> Tensor:
    return Tensor(name, dtype, (1,), sha256(content.encode()).hexdigest())


def manifest(names: str, **contents: str) -> bytes:
    return render([tensor(name.replace("__", "."), content) for name, content in contents.items()], names)


def test_equal_weights_match_completely() -> None:
    match = match_weights(manifest("file", a="1", b="2"), manifest("memory", a="1", b="2"))
    assert (str(match), match.complete, match.prefix) == ("2 of 2", True, "")


def test_a_tied_tensor_that_the_file_lacks_matches_by_its_content() -> None:
    match = match_weights(manifest("file", wte="1", b="2"), manifest("memory", wte="1", b="2", lm_head="1"))
    assert (str(match), match.complete) == ("3 of 3", True)


def test_a_tied_tensor_that_the_file_holds_twice_is_not_missing() -> None:
    match = match_weights(manifest("file", wte="1", lm_head="1"), manifest("memory", wte="1"))
    assert (str(match), match.complete) == ("1 of 1", True)


def test_a_base_model_that_became_a_classifier_matches_n_of_m_and_its_new_head_is_listed() -> None:
    file = manifest("file", encoder__0="1", encoder__1="2", pooler="3", cls="4")
    memory = manifest("memory", bert__encoder__0="1", bert__encoder__1="2", bert__pooler="3", classifier="9")
    match = match_weights(file, memory)
    assert (str(match), match.prefix, match.complete) == ("3 of 4", "bert.", False)
    assert (match.missing, match.changed, match.extra) == (("cls",), (), ("classifier",))


def test_a_model_that_lost_its_prefix_matches_too() -> None:
    file = manifest("file", bert__encoder__0="1", bert__encoder__1="2", cls__x="4")
    match = match_weights(file, manifest("memory", encoder__0="1", encoder__1="2"))
    assert (str(match), match.prefix, match.missing) == ("2 of 2", "-bert.", ("cls.x",))


def test_an_edited_tensor_is_listed_as_changed() -> None:
    match = match_weights(manifest("file", a="1", b="2"), manifest("memory", a="1", b="edited"))
    assert (str(match), match.changed, match.recast) == ("1 of 2", ("b",), 0)


def test_a_tensor_of_another_dtype_is_counted_as_recast() -> None:
    match = match_weights(render([tensor("a", "1")], "file"), render([tensor("a", "2", "BF16")], "memory"))
    assert (match.changed, match.recast) == (("a",), 1)


def test_another_model_matches_nothing() -> None:
    match = match_weights(manifest("file", a="1", b="2"), manifest("memory", c="3"))
    assert (str(match), match.missing, match.extra) == ("0 of 1", ("a", "b"), ("c",))


NAMES = st.text("ab.", min_size=1, max_size=6)


@given(st.dictionaries(NAMES, st.sampled_from("123")), st.dictionaries(NAMES, st.sampled_from("123")))
def test_every_tensor_in_memory_is_matched_changed_or_extra(file: dict[str, str], memory: dict[str, str]) -> None:
    match = match_weights(
        render([tensor(*item) for item in file.items()], "file"),
        render([tensor(*item) for item in memory.items()], "memory"),
    )
    assert match.total == len(memory) == match.matched + len(match.changed) + len(match.extra)
    assert set(match.missing) <= file.keys()


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"format":"cognify.weights/v1","names":"cloud","tensors":[]}',
        b'{"format":"cognify.weights/v1","more":1,"names":"file","tensors":[]}',
        b'{"format":"cognify.weights/v1","names":"file","tensors":[["a","F32",[-1],"' + b"0" * 64 + b'"]]}',
        b'{"format":"cognify.weights/v1","names":"file","tensors":[["a","F32",[true],"' + b"0" * 64 + b'"]]}',
        b'{"format":"cognify.weights/v1","names":"file","tensors":[["a","F32",[1],"00"]]}',
        b'{"format":"cognify.weights/v1","names":"file","tensors":[["b","F32",[],"' + b"0" * 64 + b'"],["a","F32",[],"'
        + b"0" * 64 + b'"]]}',
    ],
)  # fmt: skip
def test_what_is_no_manifest_of_weights_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_weights(data)
