"""Scripts and styles, under names that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Response

from cognify_core.server.problems import Problem

router = APIRouter(prefix="/static", tags=["pages"])
FOLDER = Path(__file__).parent / "static"
_MARK = 12
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file, as it is served."""

    name: str
    """With the beginning of its digest, as in `cognify.0123456789ab.css`."""
    data: bytes
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """Every file there is, by the name that it has in the folder."""
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in _TYPES}


def static(name: str) -> str:
    """The address of a file."""
    return f"/static/{assets()[name].name}"


@cache
def _served() -> dict[str, Asset]:
    return {asset.name: asset for asset in assets().values()}


@router.get("/{name}")
def serve(name: str) -> Response:
    """A file, under the name that has its digest."""
    if (asset := _served().get(name)) is None:
        raise Problem(404, "there is no such file")
    kept = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(asset.data, media_type=asset.media_type, headers=kept)


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    return Asset(f"{path.stem}.{sha256(data).hexdigest()[:_MARK]}{path.suffix}", data, _TYPES[path.suffix])
