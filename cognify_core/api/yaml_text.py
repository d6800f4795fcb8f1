"""YAML as people write it by hand, read without its traps: JSON's values, one way to say each, and no surprises.

`no` is a word and not False, `2026-01-31` is text and not a date, `12:30` is no number in base 60 (YAML 1.2, §10.3).
Aliases, by which a small file grows to any size, tags, and keys that stand there twice are refused.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from cognify_core.canonical import Json
from cognify_core.errors import FormatError
from cognify_core.model.shown import plain

MAX_BYTES = 1 << 18
MAX_DEPTH = 20


def read_yaml(data: bytes) -> Json:
    """The value of a YAML or JSON file.

    Raises:
        FormatError: it is too large, not UTF-8, no YAML, or uses what is refused; the message names the line.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(f"it has {len(data):,} bytes, and no more than {MAX_BYTES:,} are read")
    try:
        return yaml.load(data.decode("utf-8-sig"), _Loader)  # noqa: S506 - a SafeLoader, and stricter
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise FormatError(f"{line}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise FormatError(str(error).splitlines()[0][:200]) from error


def write_yaml(value: Json) -> str:
    """A value as YAML that `read_yaml` reads back to the same value.

    Where it holds what could deceive whoever reads it (bidirectional controls), it is written in ASCII.
    """
    text = _dump(value, in_unicode=True)
    return text if all(plain(line) == line for line in text.split("\n")) else _dump(value, in_unicode=False)


def _dump(value: Json, *, in_unicode: bool) -> str:
    written: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=in_unicode, width=100, default_flow_style=False
    )
    return written


class _Loader(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases (*name) are not taken", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refusal(f"it is nested deeper than {MAX_DEPTH} levels", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002 - PyYAML calls it so
        seen: set[object] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                raise _refusal("a key is one word or text", key_node)
            if key_node.value in seen:
                raise _refusal(f"the key {key_node.value[:80]!r} stands there twice", key_node)
            seen.add(key_node.value)
        # Keys are text, whatever they look like: `1(b)` and `17` alike.
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML calls it so
        return True


def _refusal(problem: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)


_CORE = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]{1,300}", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]{1,300}|[0-9]{1,300}(?:\.[0-9]{0,300})?)(?:[eE][-+]?[0-9]{1,4})?", "-+.0123456789"),
)
_TAG = "tag:yaml.org,2002:"
for _kind in (_Loader, _Dumper):
    _kind.yaml_implicit_resolvers = {}
    for _name, _pattern, _first in _CORE:
        _kind.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"), list(_first))
_Loader.yaml_constructors = {
    tag: make
    for tag, make in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag in (f"{_TAG}null", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map")
}
_Loader.add_constructor(f"{_TAG}int", lambda _, node: int(node.value))
_Loader.add_constructor(f"{_TAG}float", lambda _, node: float(node.value))
_Loader.add_constructor(f"{_TAG}bool", lambda _, node: node.value.lower() == "true")
