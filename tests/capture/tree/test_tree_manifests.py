"""The manifest's text and its reader are inverses; nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.capture.tree_manifest import parse_manifest, render
from cognify_core.errors import FormatError

HEX = "0" * 64
PARTS = st.binary(min_size=1, max_size=8).filter(lambda part: part not in (b".", b"..") and not set(part) & set(b"/\0"))
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(b"/".join)


@given(st.dictionaries(PATHS, st.binary(min_size=32, max_size=32).map(bytes.hex)))
def test_reading_undoes_writing(files: dict[bytes, str]) -> None:
    assert parse_manifest(render(sorted(files.items()))) == files


@given(st.binary(max_size=80))
def test_whatever_is_read_would_be_written_so(line: bytes) -> None:
    manifest = b"# cognify.tree/v1\n" + HEX.encode() + b"  " + line + b"\n"
    try:
        files = parse_manifest(manifest)
    except FormatError:
        return
    assert render(files.items()) == manifest


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        (b"", "first line"),
        (b"# cognify.tree/v2\n", "first line"),
        (f"# cognify.tree/v1\n{HEX}  a".encode(), "last line has no end"),
        (f"# cognify.tree/v1\n{HEX} *a\n".encode(), "line 2 is not"),
        (f"# cognify.tree/v1\n{'A' * 64}  a\n".encode(), "line 2 is not"),
        (b"# cognify.tree/v1\n\n", "line 2 is not"),
        (f"# cognify.tree/v1\n{HEX}  b\n{HEX}  a\n".encode(), "line 3 is out of order: a"),
        (f"# cognify.tree/v1\n{HEX}  a\n{HEX}  a\n".encode(), "line 3 is out of order: a"),
        (f"# cognify.tree/v1\n{HEX}  /a\n".encode(), "no file inside the tree: /a"),
        (f"# cognify.tree/v1\n{HEX}  a/../b\n".encode(), "no file inside the tree"),
        (f"# cognify.tree/v1\n{HEX}  ./a\n".encode(), "no file inside the tree"),
        (f"# cognify.tree/v1\n{HEX}  a\0b\n".encode(), "holds a NUL"),
        (f"# cognify.tree/v1\n\\{HEX}  a\n".encode(), "escaped in another way"),
        (f"# cognify.tree/v1\n{HEX}  a\\b\n".encode(), "escaped in another way"),
        (f"# cognify.tree/v1\n\\{HEX}  a\\tb\n".encode(), "escaped in another way"),
        (f"# cognify.tree/v1\n\\{HEX}  a\\\n".encode(), "escaped in another way"),
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        parse_manifest(manifest)
