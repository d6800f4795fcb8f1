"""OpenSSF Model Signing 1.0 (OMS): a statement over the files of one model, which `model_signing verify key` checks.

It is made from digests that were taken before; nothing is read. The format is not ours and has nothing of ours in it.
It speaks of regular files by name and bytes alone: not of modes, times and empty directories, and at the top of the
model not of `.git`, `.github`, `.gitattributes` and `.gitignore` (spec/v1.0.md, §6.2). Its root digest covers no names;
the resources under it do.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError
from cognify_core.seal.statement import STATEMENT_TYPE

OMS_TYPE: Final = "https://model_signing/signature/v1.0"
IGNORED: Final = (".git", ".gitattributes", ".github", ".gitignore")
"""What OMS leaves out at the top of every model."""


def oms_statement(name: str, files: Mapping[bytes, str], *, symlinks: bool = False) -> bytes:
    """The statement over a model's files, as canonical JSON: the payload that is signed.

    Args:
        name: the last part of the model's path, for people; no verifier relies on it.
        files: path within the model → SHA-256 of the file in hex; of a model that is one file, its name alone.
        symlinks: whether symbolic links were followed.

    Raises:
        FormatError: OMS cannot speak of it: a name is no UTF-8, or no file is left.
    """
    digests = dict(sorted((_text(path), digest) for path, digest in files.items() if not _is_ignored(path)))
    if not digests:
        raise FormatError("OMS speaks of files, and there is none in it")
    root = sha256(b"".join(map(bytes.fromhex, digests.values()))).hexdigest()
    serialization: dict[str, Json] = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": symlinks,
        "ignore_paths": list(IGNORED),
    }
    resources: list[Json] = [{"name": path, "algorithm": "sha256", "digest": hex_} for path, hex_ in digests.items()]
    return encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": root}}],
            "predicateType": OMS_TYPE,
            "predicate": {"serialization": serialization, "resources": resources},
        }
    )


def _is_ignored(path: bytes) -> bool:
    return path.partition(b"/")[0] in {name.encode() for name in IGNORED}


def _text(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"OMS names files in UTF-8, and {path!r} is none") from error
