"""Safetensors headers are read strictly: whatever two readers could see differently is refused."""

from __future__ import annotations

import json
import os
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from cognify_core.capture.weights import Tensor, parse_weights, weights_from_files
from cognify_core.capture.weights_manifest import render


def write(path: Path, header: object, data: bytes = b"", *, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(begin: int, end: int, dtype: str = "U8", shape: list[Any] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def tensors_of(path: Path) -> dict[str, Tensor]:
    outcome = weights_from_files(path)
    assert outcome.manifest is not None, outcome.reason
    return parse_weights(outcome.manifest)


def test_each_tensor_is_named_with_its_dtype_shape_and_the_hash_of_its_bits(tmp_path: Path) -> None:
    arrays = {
        "b": np.arange(6, dtype="<f4").reshape(2, 3),
        "a.scalar": np.array(7, dtype="<i8"),
        "é": np.zeros((0, 4), dtype="<f2"),
        "B": np.array([True, False]),
    }
    save_file(arrays, tmp_path / "m.safetensors", metadata={"format": "np"})
    outcome = weights_from_files(tmp_path / "m.safetensors")
    expected = [
        Tensor(name, dtype, array.shape, sha256(array.tobytes()).hexdigest())
        for (name, array), dtype in zip(arrays.items(), ("F32", "I64", "F16", "BOOL"), strict=True)
    ]
    assert outcome.manifest == render(expected, "file")
    assert list(tensors_of(tmp_path / "m.safetensors")) == ["B", "a.scalar", "b", "é"]
    assert outcome.facts == {"tensors": 4, "bytes": 34, "files": 1}
    assert (outcome.assurance, outcome.format) == ("content", "cognify.weights/v1")


def test_file_metadata_and_padding_are_not_covered(tmp_path: Path) -> None:
    header = {"a": entry(0, 2)}
    plain = weights_from_files(write(tmp_path / "a.safetensors", header, b"xy"))
    with_metadata = write(tmp_path / "b.safetensors", {"__metadata__": {"k": "v"}, **header}, b"xy")
    padded = write(tmp_path / "c.safetensors", json.dumps(header).encode() + b"   ", b"xy")
    assert plain.hash == weights_from_files(with_metadata).hash == weights_from_files(padded).hash


def test_a_file_without_tensors_is_legal(tmp_path: Path) -> None:
    assert tensors_of(write(tmp_path / "m.safetensors", {})) == {}


@pytest.mark.parametrize(
    ("dtype", "shape", "size"),
    [("F4", [4], 2), ("F6_E2M3", [4], 3), ("F8_E8M0", [2], 2), ("BF16", [2], 4), ("C64", [1], 8), ("F64", [], 8)],
)
def test_every_dtype_has_its_size(tmp_path: Path, dtype: str, shape: list[int], size: int) -> None:
    path = write(tmp_path / "m.safetensors", {"a": entry(0, size, dtype, shape)}, bytes(size))
    assert tensors_of(path)["a"].dtype == dtype


OFF = "has other bytes than its dtype and shape take"


@pytest.mark.parametrize(
    ("header", "data", "complaint"),
    [
        ({"a": entry(0, 2), "b": entry(1, 3)}, b"xyz", "'b' overlaps"),
        ({"a": entry(0, 2), "b": entry(0, 2)}, b"xy", "overlaps"),
        ({"a": entry(1, 2)}, b"xy", "'a' leaves a hole"),
        ({"a": entry(0, 1), "b": entry(2, 3)}, b"xyz", "'b' leaves a hole"),
        ({"a": entry(0, 1)}, b"xy", "the tensors end at byte"),
        ({"a": entry(0, 2)}, b"x", "the tensors end at byte"),
        ({}, b"x", "the tensors end at byte"),
        ({"a": entry(0, 2, "F32")}, b"xy", OFF),
        ({"a": entry(2, 0, shape=[2])}, b"xy", OFF),
        ({"a": entry(0, 2, shape=[2**62, 4])}, b"xy", "no counts"),
        ({"a": entry(0, 2, shape=[-2])}, b"xy", "no counts"),
        ({"a": entry(0, 1, shape=[True])}, b"x", "no counts"),
        ({"a": entry(0, 2, shape=[2.0])}, b"xy", "no counts"),
        ({"a": entry(0, 2, "X9")}, b"xy", "no dtype is called 'X9'"),
        ({"a": entry(0, 1, "F4", [1])}, b"x", "does not fill whole bytes"),
        ({"a": {**entry(0, 1), "more": 1}}, b"x", "is not dtype, shape and data_offsets"),
        ({"a": [1]}, b"", "is not dtype, shape and data_offsets"),
        ({"__metadata__": {"k": 1}}, b"", "__metadata__"),
        ({"__metadata__": []}, b"", "__metadata__"),
        (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
         b"x", "stands twice"),
        (b"[]", b"", "does not begin with"),
        (b' {"a":1}', b"", "does not begin with"),
        (b"{", b"", "not JSON"),
        (b'{"a":NaN}', b"", "NaN"),
        (b'{"\xff":1}', b"", "UTF-8"),
        (b"{" * 5000, b"", "nested|not JSON"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, b"", "nested deeper"),
    ],
)  # fmt: skip
def test_a_header_that_is_not_sound_is_refused(tmp_path: Path, header: object, data: bytes, complaint: str) -> None:
    outcome = weights_from_files(write(tmp_path / "m.safetensors", header, data))
    assert outcome.assurance == "unresolved"
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(outcome.reason)


@pytest.mark.parametrize(
    ("length", "complaint"),
    [(10**8 + 1, "beyond 100000000"), (2**63, "beyond"), (1000, "a header of 1000 bytes in a file of")],
)
def test_a_header_of_a_wrong_size_is_refused_before_it_is_read(tmp_path: Path, length: int, complaint: str) -> None:
    outcome = weights_from_files(write(tmp_path / "m.safetensors", {}, length=length))
    assert complaint in str(outcome.reason)


@pytest.mark.parametrize("size", [0, 7])
def test_a_file_without_a_header_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "m.safetensors").write_bytes(bytes(size))
    assert weights_from_files(tmp_path / "m.safetensors").reason == (
        "not safetensors: shorter than its own header size: m.safetensors"
    )


def test_a_file_cut_anywhere_is_unresolved(tmp_path: Path) -> None:
    whole = save({"a": np.arange(9, dtype="<f4"), "b": np.ones(3, dtype="<i2")})
    for cut in range(len(whole)):
        (tmp_path / "m.safetensors").write_bytes(whole[:cut])
        assert weights_from_files(tmp_path / "m.safetensors").assurance == "unresolved"


def test_a_flipped_byte_gives_another_digest_or_none(tmp_path: Path) -> None:
    whole = save({"a": np.arange(9, dtype="<f4"), "b": np.ones(3, dtype="<i2")})
    path = tmp_path / "m.safetensors"
    path.write_bytes(whole)
    good = weights_from_files(path).hash
    for place in random.Random(7).sample(range(len(whole)), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert weights_from_files(path).hash != good


def test_a_vanished_file_says_so(tmp_path: Path) -> None:
    assert weights_from_files(tmp_path / "gone.safetensors").reason == "vanished: gone.safetensors"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    weights_from_files(write(tmp_path / "m.safetensors", {"a": entry(0, 2)}, b"x"))
    weights_from_files(write(tmp_path / "m.safetensors", {"a": entry(0, 2)}, b"xy"))
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert weights_from_files(tmp_path / "pipe.safetensors").reason == "not a regular file: pipe.safetensors"
    assert len(list(Path("/proc/self/fd").iterdir())) == before
