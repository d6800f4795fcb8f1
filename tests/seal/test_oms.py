"""What OMS says of a model: names, order, root digest, and what it leaves out."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.errors import FormatError
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.oms import IGNORED, oms_statement
from tests.factories import SIGNER
from tests.vectors import VECTORS, needs_vectors

SCHEMAS = VECTORS / "oms-schemas" / "v1.0"
ONE, TWO, THREE = (digit * 64 for digit in "123")


def said(files: dict[bytes, str], **how: bool) -> Any:
    return json.loads(oms_statement("checkpoint-20", files, **how))


def names(statement: Any) -> list[str]:
    return [resource["name"] for resource in statement["predicate"]["resources"]]


def test_files_stand_in_the_order_of_their_names_and_the_root_is_over_their_digests() -> None:
    statement = said({b"b": TWO, b"a/b": ONE, b"a.txt": THREE})
    assert names(statement) == ["a.txt", "a/b", "b"]
    root = sha256(b"".join(bytes.fromhex(each) for each in (THREE, ONE, TWO))).hexdigest()
    assert statement["subject"] == [{"name": "checkpoint-20", "digest": {"sha256": root}}]


def test_what_oms_ignores_is_left_out_at_the_top_alone_and_listed() -> None:
    left_out = {b".git/config": ONE, b".gitattributes": ONE, b".github/x": ONE, b".gitignore": ONE}
    statement = said(left_out | {b"sub/.git/config": TWO, b".gitmodules": TWO, b"w": THREE})
    assert names(statement) == [".gitmodules", "sub/.git/config", "w"]
    assert statement["predicate"]["serialization"]["ignore_paths"] == list(IGNORED)


def test_a_model_without_a_file_has_no_statement() -> None:
    for files in ({}, {b".gitignore": ONE}):
        with pytest.raises(FormatError, match="none in it"):
            said(files)


def test_a_name_that_is_no_text_has_no_statement() -> None:
    with pytest.raises(FormatError, match="is none"):
        said({b"\xff": ONE})


def test_symlinks_that_were_followed_are_told() -> None:
    assert [said({b"w": ONE}, symlinks=each)["predicate"]["serialization"]["allow_symlinks"] for each in (True, False)]


@needs_vectors
@given(
    st.dictionaries(st.text(min_size=1, max_size=8).filter(str.isprintable).map(str.encode), st.just(ONE), min_size=1)
)
def test_a_bundle_is_what_the_schemas_of_oms_describe(files: dict[bytes, str]) -> None:
    schemas = {path.name.split(".")[0]: json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")}
    from referencing import Registry, Resource

    registry: Any = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    statement = oms_statement("model", {b"weights": TWO} | files)
    bundle = Bundle.signed(statement, SIGNER).encode()
    for name, value in (("statement", statement), ("bundle", bundle)):
        jsonschema.Draft202012Validator(schemas[name], registry=registry).validate(json.loads(value))
