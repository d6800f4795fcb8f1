"""`cognify.config/v1` to the letter: one form per value, different values different bytes."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import subprocess
import sys
from collections import OrderedDict
from datetime import date
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.capture.config import defaulted_fields, encode_config, to_facts
from cognify_core.model.digest import Digest


class Colour(Enum):
    RED = "red"
    NESTED = (1, 2.0)


class Text(StrEnum):
    LINEAR = "linear"


class Number(IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass
class Arguments:
    rate: float = 1e-4
    epochs: float = 3.0
    names: list[str] = dataclasses.field(default_factory=lambda: ["a"])
    thing: object = None
    _: dataclasses.KW_ONLY
    needed: int


class Unknown:
    def __repr__(self) -> str:
        raise AssertionError("repr() is never called")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        ("", ""),
        (2**53 - 1, 2**53 - 1),
        (-(2**53) + 1, -(2**53) + 1),
        (2**53, {"$int": "9007199254740992"}),
        (-(10**30), {"$int": "-1" + "0" * 30}),
        (0.5, 0.5),
        (1.0, {"$float": "1"}),
        (-0.0, {"$float": "-0"}),
        (1e300, {"$float": "1e+300"}),
        (math.nan, {"$float": "NaN"}),
        (math.inf, {"$float": "Infinity"}),
        (-math.inf, {"$float": "-Infinity"}),
        (b"\x00\xff", {"$bytes": "AP8="}),
        (bytearray(b"a"), {"$bytes": "YQ=="}),
        (Colour.RED, "red"),
        (Colour.NESTED, [1, {"$float": "2"}]),
        (Text.LINEAR, "linear"),
        (Number.ONE, 1),
        (Path("/data/x"), "/data/x"),
        (PurePosixPath("rel"), "rel"),
        ((1, 2), [1, 2]),
        (Point(1, 2.5), [1, 2.5]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"v", "q"}), ["q", "v"]),
        ({10, 9}, [10, 9]),  # by JCS bytes, not by number
        ({"$int": "1"}, {"$$int": "1"}),
        ({"$$a": 1}, {"$$$a": 1}),
        ({0: "neg", 1: "pos"}, {"$items": [[0, "neg"], [1, "pos"]]}),
        ({"a": 1, 2: 3}, {"$items": [["a", 1], [2, 3]]}),
        ({None: 1}, {"$items": [[None, 1]]}),
        ({(1, 2): 3}, {"$items": [[[1, 2], 3]]}),
        ({Text.LINEAR: 1}, {"linear": 1}),
        ({Colour.RED: 1}, {"$items": [["red", 1]]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
        (torch.float32, "float32"),
        (torch.bfloat16, "bfloat16"),
        (np.float32(0.5), 0.5),
        (np.float64(2), {"$float": "2"}),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("s"), "s"),
        (np.uint64(2**63), {"$int": str(2**63)}),
        (math.floor, {"$ref": "math:floor"}),
        (os.path.join, {"$ref": "posixpath:join"}),
        (dict, {"$ref": "builtins:dict"}),
        ({}.get, {"$ref": "builtins:dict.get"}),
        (Arguments, {"$ref": f"{__name__}:Arguments"}),
        ("\ud800", {"$text": "7aCA"}),
    ],
)
def test_every_value_has_its_form(value: object, form: Any) -> None:
    config = encode_config(value)
    assert config.config == form
    assert type(config.config) is type(form)
    assert config.manifest == encode({"format": "cognify.config/v1", "redaction": "v1", "config": form})
    assert (config.opaque, config.redacted) == ((), ())
    assert to_facts(value) == form


def test_an_integer_of_many_digits_keeps_every_one() -> None:
    assert to_facts(10**5000 + 7) == {"$int": "1" + "0" * 4999 + "7"}


def test_a_dataclass_is_its_fields() -> None:
    assert to_facts(Arguments(needed=1)) == {
        "rate": 1e-4,
        "epochs": {"$float": "3"},
        "names": ["a"],
        "thing": None,
        "needed": 1,
    }


def test_defaulted_fields_are_those_left_alone() -> None:
    assert defaulted_fields(Arguments(rate=1e-4, epochs=3, names=["b"], needed=1)) == ["rate", "thing"]
    assert defaulted_fields(Arguments(needed=1, thing=Unknown())) == ["epochs", "names", "rate"]
    assert defaulted_fields({"no": "dataclass"}) == []
    assert defaulted_fields(Arguments) == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Unknown(), f"{__name__}:Unknown"),
        (functools.partial(print), "functools:partial"),
        (np.zeros(2), "numpy:ndarray"),
        (np.datetime64("2020-01-01"), "numpy:datetime64"),
        (torch.device("cpu"), "torch:device"),
        (date(2020, 1, 1), "datetime:date"),
        (1j, "builtins:complex"),
        (range(3), "builtins:range"),
        (iter([1]), "builtins:list_iterator"),
    ],
)
def test_what_has_no_exact_form_is_opaque_and_a_gap(value: object, name: str) -> None:
    config = encode_config({"a/b": [value]})
    assert config.config == {"a/b": [{"$opaque": name}]}
    assert config.opaque == ("/a~1b/0",)
    assert config.outcome().gaps == ("only its type is covered: /a~1b/0",)
    assert config.outcome().facts == {"opaque": 1, "redacted": 0}


def test_the_outcome_is_the_digest_of_the_manifest() -> None:
    config = encode_config({"a": 1})
    outcome = config.outcome()
    assert (outcome.assurance, outcome.format, outcome.manifest) == ("content", "cognify.config/v1", config.manifest)
    assert outcome.hash == Digest.of(config.manifest)


def test_a_cycle_is_opaque_where_it_closes() -> None:
    loop: dict[str, object] = {"x": 1}
    loop["self"] = [loop]
    assert encode_config(loop).config == {"x": 1, "self": [{"$opaque": "builtins:dict"}]}
    assert encode_config(loop).opaque == ("/self/0",)


def test_what_is_met_twice_without_a_cycle_is_written_twice() -> None:
    shared = [1]
    assert to_facts([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize("nest", [lambda x: [x], lambda x: {"k": x}, lambda x: {1: x}, lambda x: frozenset([x])])
def test_deep_nesting_ends_in_opaque_and_the_manifest_can_still_be_read(nest: Any) -> None:
    value: object = 1
    for _ in range(500):
        value = nest(value)
    config = encode_config(value)
    assert len(config.opaque) == 1
    assert parse(config.manifest)["config"] == config.config


@pytest.mark.slow
def test_a_value_that_doubles_at_every_level_comes_to_an_end() -> None:
    value: list[object] = []
    for _ in range(80):
        value = [value, value]
    assert encode_config(value).opaque


def test_text_keys_that_are_one_text_are_not_merged() -> None:
    class Key(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return self is other

        def __hash__(self) -> int:
            return id(self)

    assert to_facts({Key("a"): 1, Key("a"): 2}) == {"$items": [["a", 1], ["a", 2]]}


def test_keys_that_are_no_unicode_are_items() -> None:
    assert to_facts({"\ud800": 1}) == {"$items": [[{"$text": "7aCA"}, 1]]}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=8)
KEYS = st.text(max_size=5) | st.integers(-5, 5) | st.sampled_from(["$int", "$items", "$"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def identity(value: object) -> object:
    """A value that is equal exactly where two values are of one type and content."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    if isinstance(value, list):
        return ("list", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("dict", frozenset((identity(key), identity(item)) for key, item in value.items()))
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_different_values_have_different_bytes(one: object, other: object) -> None:
    ours, theirs = encode_config(one), encode_config(other)
    assert (ours.manifest == theirs.manifest) == (identity(one) == identity(other))


@given(VALUES)
def test_every_manifest_is_canonical_json(value: object) -> None:
    config = encode_config(value)
    assert parse(config.manifest)["format"] == "cognify.config/v1"
    assert config.opaque == ()


def test_the_bytes_do_not_follow_the_hash_seed() -> None:
    script = (
        "from cognify_core.capture.config import encode_config; import sys; "
        "value = {'modules': {f'm{n}' for n in range(50)}, 'deep': {(n, f'x{n}') for n in range(20)}}; "
        "sys.stdout.buffer.write(encode_config(value).manifest)"
    )
    manifests = {
        subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "0123"
    }
    assert len(manifests) == 1
