"""GGUF files, written by the `gguf` package and read by our own reader."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from cognify_core.capture.gguf_file import GGML_TYPES
from cognify_core.capture.weights import parse_weights, weights_from_files

gguf = pytest.importorskip("gguf", reason="writes the files that are read here")


def write(path: Path, *, alignment: int | None = None) -> dict[str, np.ndarray]:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("a model")
    writer.add_array("tokenizer.ggml.tokens", [f"token {n}" for n in range(3000)])
    writer.add_array("tokenizer.ggml.scores", [0.5] * 3000)
    writer.add_bool("flag", True)
    if alignment:
        writer.add_custom_alignment(alignment)
    arrays = {
        "blk.0.weight": np.arange(64, dtype="<f4").reshape(2, 32),
        "blk.0.norm": np.ones(5, dtype="<f2"),
        "output": np.arange(7, dtype="<f4"),
    }
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    quantised = gguf.quants.quantize(arrays["blk.0.weight"], gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("quantised", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {**arrays, "quantised": quantised}


def test_the_table_of_types_is_that_of_the_gguf_package() -> None:
    theirs = {kind.value: (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert theirs == GGML_TYPES


@pytest.mark.parametrize("alignment", [None, 64])
def test_each_tensor_is_named_with_its_type_shape_and_the_hash_of_its_bytes(
    tmp_path: Path, alignment: int | None
) -> None:
    arrays = write(tmp_path / "m.gguf", alignment=alignment)
    outcome = weights_from_files(tmp_path / "m.gguf")
    assert outcome.manifest is not None, outcome.reason
    tensors = parse_weights(outcome.manifest)
    assert {name: tensor.hex for name, tensor in tensors.items()} == {
        name: sha256(array.tobytes()).hexdigest() for name, array in arrays.items()
    }
    assert [tensors[name].dtype for name in arrays] == ["GGUF:F32", "GGUF:F16", "GGUF:F32", "GGUF:Q8_0"]
    assert [tensors[name].shape for name in arrays] == [(2, 32), (5,), (7,), (2, 32)]


def test_the_tensors_are_those_that_the_gguf_package_reads(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    outcome = weights_from_files(tmp_path / "m.gguf")
    assert outcome.manifest is not None
    theirs = {
        tensor.name: (f"GGUF:{tensor.tensor_type.name}", sha256(tensor.data.tobytes()).hexdigest())
        for tensor in gguf.GGUFReader(tmp_path / "m.gguf").tensors
    }
    assert {name: (tensor.dtype, tensor.hex) for name, tensor in parse_weights(outcome.manifest).items()} == theirs


def test_a_file_cut_anywhere_is_unresolved(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    whole = (tmp_path / "m.gguf").read_bytes()
    path = tmp_path / "cut.gguf"
    for cut in [*range(40), *random.Random(7).sample(range(40, len(whole) - 32), 200)]:
        path.write_bytes(whole[:cut])
        outcome = weights_from_files(path)
        assert outcome.assurance == "unresolved", cut


def test_flipped_bytes_never_raise(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    whole = (tmp_path / "m.gguf").read_bytes()
    path, chance = tmp_path / "flipped.gguf", random.Random(7)
    for place in [*range(24), *chance.sample(range(24, len(whole)), 300)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :])
        assert weights_from_files(path).assurance in ("content", "unresolved")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "are announced"),
        (b"GGML" + bytes(20), "does not begin with 'GGUF'"),
        (b"GGUF" + (1).to_bytes(4, "little") + bytes(16), "version 1"),
        (b"GGUF" + (3).to_bytes(4, "big") + bytes(16), "little-endian"),
        (b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 8 + bytes(8), "are announced"),
        (b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + b"\xff" * 8, "are announced"),
    ],
)
def test_what_is_no_gguf_is_refused(tmp_path: Path, data: bytes, complaint: str) -> None:
    (tmp_path / "m.gguf").write_bytes(data)
    assert complaint in str(weights_from_files(tmp_path / "m.gguf").reason)


def tensor_info(name: bytes, dimensions: list[int], kind: int, offset: int) -> bytes:
    def number(value: int, size: int = 8) -> bytes:
        return value.to_bytes(size, "little")

    sizes = b"".join(number(dimension) for dimension in dimensions)
    return number(len(name)) + name + number(len(dimensions), 4) + sizes + number(kind, 4) + number(offset)


@pytest.mark.parametrize(
    ("infos", "complaint"),
    [
        ([tensor_info(b"a", [8], 0, 32)], "leaves a hole"),
        ([tensor_info(b"a", [8], 0, 0), tensor_info(b"b", [8], 0, 0)], "overlaps"),
        ([tensor_info(b"a", [8], 0, 0), tensor_info(b"a", [8], 0, 32)], "stands twice"),
        ([tensor_info(b"a", [8], 99, 0)], "unknown type 99"),
        ([tensor_info(b"a", [8], 2, 0)], "do not fill blocks of Q4_0"),
        ([tensor_info(b"a", [1] * 5, 0, 0)], "5 dimensions"),
        ([tensor_info(b"\xff", [8], 0, 0)], "not UTF-8"),
        ([tensor_info(b"a", [2**40], 0, 0)], "the tensors end at byte"),
    ],
)
def test_tensors_that_two_readers_could_see_differently_are_refused(
    tmp_path: Path, infos: list[bytes], complaint: str
) -> None:
    header = b"GGUF" + (3).to_bytes(4, "little") + len(infos).to_bytes(8, "little") + bytes(8) + b"".join(infos)
    (tmp_path / "m.gguf").write_bytes(header + bytes(-len(header) % 32) + bytes(32 * len(infos)))
    assert complaint in str(weights_from_files(tmp_path / "m.gguf").reason)


@pytest.mark.parametrize(
    ("pair", "complaint"),
    [
        ((4).to_bytes(4, "little") + (3).to_bytes(4, "little"), "no power of two"),
        ((5).to_bytes(4, "little") + (64).to_bytes(4, "little"), "no power of two"),
    ],
)
def test_a_wrong_alignment_is_refused(tmp_path: Path, pair: bytes, complaint: str) -> None:
    key = b"general.alignment"
    header = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little")
    (tmp_path / "m.gguf").write_bytes(header + len(key).to_bytes(8, "little") + key + pair)
    assert complaint in str(weights_from_files(tmp_path / "m.gguf").reason)


def test_arrays_within_arrays_come_to_an_end(tmp_path: Path) -> None:
    nested = (9).to_bytes(4, "little") + ((9).to_bytes(4, "little") + (1).to_bytes(8, "little")) * 50
    header = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little")
    (tmp_path / "m.gguf").write_bytes(header + (1).to_bytes(8, "little") + b"k" + nested)
    assert "nested too deep" in str(weights_from_files(tmp_path / "m.gguf").reason)
