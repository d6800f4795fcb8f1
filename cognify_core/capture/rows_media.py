"""Media of `datasets` (Image, Audio, Video, Pdf …): bytes, whether they lie in the table or in a file beside it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cognify_core.capture import cbor
from cognify_core.capture.cbor import Piece
from cognify_core.capture.rows_scalars import byte_strings, texts
from cognify_core.errors import CaptureError


def media(array: pa.Array) -> list[Piece]:
    """Maps of `bytes` and `path`, the path without its folders; bytes that are not there are read from the path.

    Raises:
        CaptureError: neither bytes nor a file that can be read.
    """
    fields = {array.type.field(i).name: column for i, column in enumerate(array.flatten())}
    data, paths = fields["bytes"].cast(pa.large_binary()), fields["path"].cast(pa.large_string())
    elsewhere = pc.and_(array.is_valid(), data.is_null())
    if pc.any(elsewhere).as_py():
        data = _read(data, paths, elsewhere)
    names = pc.replace_substring_regex(paths, r"(?s)^.*/", "")
    pieces: list[Piece] = [cbor.head(cbor.MAP, 2), cbor.text("path"), *texts(names)]
    pieces += [cbor.text("bytes"), *byte_strings(data)]
    if array.null_count == 0:
        return pieces
    return [pc.if_else(array.is_valid(), cbor.join(pieces, len(array)), cbor.scalar(cbor.NULL))]


def _read(data: pa.Array, paths: pa.Array, elsewhere: pa.Array) -> pa.Array:
    contents = data.to_pylist()
    for row in pc.indices_nonzero(elsewhere).to_pylist():
        contents[row] = _file(paths[row].as_py())
    return pa.array(contents, pa.large_binary())


def _file(path: str | None) -> bytes:
    if path is None:
        raise CaptureError("a media row has neither bytes nor a path")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CaptureError(f"the media file {Path(path).name!r} cannot be read: {error.strerror}") from error
