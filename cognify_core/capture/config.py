"""Anything that configures a run → `cognify.config/v1` (`docs/formats.md`, Config)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from cognify_core.canonical import Json, encode
from cognify_core.capture.config_form import Form
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import REDACTION

CONFIG_FORMAT = "cognify.config/v1"


@dataclass(frozen=True, slots=True)
class ConfigManifest:
    """A configuration in its canonical form, and what is not in it."""

    config: Json
    manifest: bytes
    opaque: tuple[str, ...]
    """Where (as JSON pointers, RFC 6901) a value had no exact form."""
    redacted: tuple[str, ...]
    """Where a secret was left out."""

    def outcome(self) -> Outcome:
        """The digest of the manifest; every opaque value is a gap."""
        facts = {"opaque": len(self.opaque), "redacted": len(self.redacted)}
        gaps = tuple(f"only its type is covered: {place}" for place in self.opaque)
        return Outcome.of_manifest(self.manifest, CONFIG_FORMAT, facts=facts, gaps=gaps)


def encode_config(config: object) -> ConfigManifest:
    """Encode any object whatever. Nothing in it is changed, or called but the items of mappings and enum values."""
    form = Form()
    written = form.of(config)
    manifest = encode({"format": CONFIG_FORMAT, "redaction": REDACTION, "config": written})
    return ConfigManifest(written, manifest, tuple(form.opaque), tuple(form.redacted))


def to_facts(value: object) -> Json:
    """The same form of `value` without the manifest around it: plain JSON that an event can hold."""
    return Form().of(value)


def defaulted_fields(instance: object) -> list[str]:
    """The fields of a dataclass instance whose values have the form of their defaults, sorted.

    A value that is opaque is never called defaulted. Of what is no dataclass instance there are none.
    """
    if not dataclasses.is_dataclass(instance) or isinstance(instance, type):
        return []
    return sorted(field.name for field in dataclasses.fields(instance) if _is_default(instance, field))


def _is_default(instance: object, field: dataclasses.Field[object]) -> bool:
    made = field.default_factory
    default = field.default if made is dataclasses.MISSING else made()
    value, form = getattr(instance, field.name, dataclasses.MISSING), Form()
    return value is default or (form.of(value) == Form().of(default) and not form.opaque and not form.redacted)
