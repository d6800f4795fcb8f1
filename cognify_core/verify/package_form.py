"""A package's bytes, read: from the file to the sealed runs that it was rendered from."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cognify_core.canonical import Json, parse
from cognify_core.errors import FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.names import RunId

MANIFEST_NAME = r"^sha256:[0-9a-f]{64}$"


class _Part(BaseModel):
    """Strict in what it needs; what else may stand here is compared with a rendering, which knows every key."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Base64(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    base64: str

    def decode(self) -> bytes:
        data = b64decode(self.base64, validate=True)
        if b64encode(data).decode() != self.base64:
            raise ValueError("base64 that is not in its one spelling")
        return data


class _Record(_Part):
    events: tuple[str, ...]


class _Seal(_Part):
    bundle: str
    public_key: str


class _Run(_Part):
    run_id: RunId
    record: _Record
    seal: _Seal
    manifests: dict[Annotated[str, Field(pattern=MANIFEST_NAME)], str | _Base64]

    def sealed(self) -> SealedRun:
        return SealedRun(
            self.run_id,
            tuple(event.encode() for event in self.record.events),
            self.seal.bundle.encode(),
            self.seal.public_key.encode(),
            {name: data.encode() if isinstance(data, str) else data.decode() for name, data in self.manifests.items()},
        )


class _Package(_Run):
    format: Literal["cognify.package/v1"]
    renderer: str
    addenda: tuple[_Run, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A package, read but not believed."""

    value: dict[str, Json]
    """The JSON itself."""
    renderer: str
    run: SealedRun
    addenda: tuple[SealedRun, ...]


def read_package(data: bytes) -> Package:
    """Read a package's bytes.

    Raises:
        FormatError: they are not canonical JSON, or not a package's.
    """
    value = parse(data)
    try:
        package = _Package.model_validate_json(data)
        runs = [part.sealed() for part in (package, *package.addenda)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FormatError(f"not a package: {where or 'the whole'}: {first['msg']}") from error
    except ValueError as error:
        raise FormatError(f"not a package: a manifest: {error}") from error
    return Package(value, package.renderer, runs[0], tuple(runs[1:]))
