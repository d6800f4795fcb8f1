"""Where two snapshots of one MLflow run differ, in words: pure, both in the form that records hold.

What Cognify's own tags say is no drift.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from cognify_core.canonical import Json
from cognify_integrations.mlflow_hashing import NOTHING_THERE
from cognify_integrations.mlflow_places import OWN_PLACE, model_place

OURS = "cognify."
"""What the keys of our own tags begin with."""
_MOST = 80

Kind: TypeAlias = Literal["run", "param", "tag", "metric", "dataset", "model", "version", "artifact"]
State: TypeAlias = Mapping[str, Json]
Points: TypeAlias = Callable[[str], str]
"""Of a metric's key, which of its points are not as they were; nothing where nobody can tell."""
Holder: TypeAlias = Callable[[str, str], str | None]
"""Of a registered model and an alias, the version that the alias names now, if any."""


class Difference(NamedTuple):
    """One thing that is not as it was; or, where `known` is false, that cannot be looked at any more."""

    kind: Kind
    message: str
    known: bool = True


def differences(was: State, now: State, points: Points, holder: Holder) -> Iterator[Difference]:
    """Every difference between what was recorded and what is there now, by kind."""
    yield from _info(was["info"], now["info"])
    yield from _related(was, now)
    yield from _texts("param", "param", was["params"], now["params"])
    yield from _texts("tag", "tag", _not_ours(was["tags"]), _not_ours(now["tags"]))
    yield from _metrics("metric", "", was["metrics"], now["metrics"], points)
    yield from _wholes("dataset", "dataset", _datasets(was), _datasets(now))
    for name in ("model_inputs", "model_outputs"):
        yield from _wholes("model", name.replace("_", " ")[:-1], _ids(was[name]), _ids(now[name]))
    yield from _models(was["logged_models"], now["logged_models"])
    if was["model_versions"] is not None and now["model_versions"] is not None:
        yield from _versions(_by_version(was["model_versions"]), _by_version(now["model_versions"]), holder)
    if was.get("artifacts") is not None:
        there = {name: said for name, said in was["artifacts"].items() if not _is_of_gone_model(name, was, now)}
        yield from artifact_differences(there, now["artifacts"])


def _info(was: State, now: State) -> Iterator[Difference]:
    if (was["lifecycle_stage"], now["lifecycle_stage"]) == ("active", "deleted"):
        yield Difference("run", "the MLflow run is deleted")
    elif was["lifecycle_stage"] != now["lifecycle_stage"]:
        yield Difference("run", "the MLflow run was deleted, and is restored")
    for field in _fields(was, now):
        if field != "lifecycle_stage":
            yield Difference("run", _changed(field.replace("_", " "), was.get(field), now.get(field)))


def _related(was: State, now: State) -> Iterator[Difference]:
    if was["parent"] != now["parent"]:
        yield Difference("run", _changed("parent run", was["parent"], now["parent"]))
    yield from _wholes("run", "child run", _ids(was["children"]), _ids(now["children"]))


def _texts(kind: Kind, label: str, was: State, now: State) -> Iterator[Difference]:
    for key, verb in _keys(was, now):
        told = _changed(f"{label} {key}", was[key], now[key]) if verb == "changed" else f"{label} {key} {verb}"
        yield Difference(kind, told)


def _wholes(kind: Kind, label: str, was: State, now: State) -> Iterator[Difference]:
    for key, verb in _keys(was, now):
        which = f" ({', '.join(_fields(was[key], now[key]))})" if verb == "changed" else ""
        yield Difference(kind, f"{label} {key} {verb}{which}")


def _metrics(kind: Kind, owner: str, was: State, now: State, points: Points) -> Iterator[Difference]:
    for key, verb in _keys(was, now):
        if verb != "changed":
            yield Difference(kind, f"{owner}metric {key} {verb}")
            continue
        yield Difference(kind, f"{owner}metric {key}: {_how(was[key], now[key], points(key))}")


def _how(was: State, now: State, points: str) -> str:
    if was["hash"] == now["hash"]:
        return f"MLflow's last point was {was.get('last')}, and is {now.get('last')}, which no point says"
    count = now["points"] - was["points"]
    counted = f"{abs(count)} point{'s' * (abs(count) != 1)} {'more' if count > 0 else 'fewer'}" if count else ""
    return ", ".join(filter(None, (counted, points))) or "its points changed"


def _datasets(state: State) -> dict[str, Json]:
    """By name and MLflow's digest; what is there twice by its place too."""
    found: dict[str, Json] = {}
    for dataset in state["datasets"]:
        name = f"{dataset['name']} ({dataset['mlflow_digest']})"
        again = sum(key == name or key.startswith(f"{name} #") for key in found)
        found[f"{name} #{again + 1}" if again else name] = dataset
    return found


def _ids(listed: list[Json]) -> dict[str, Json]:
    """By what is listed; of outputs by the model, with its step."""
    return {each if isinstance(each, str) else f"{each['model_id']} of step {each['step']}": None for each in listed}


def _models(was: State, now: State) -> Iterator[Difference]:
    for key, verb in _keys(was, now):
        label = f"logged model {(was.get(key) or now[key])['name']} ({key})"
        if verb != "changed":
            yield Difference("model", f"{label} {'deleted' if verb == 'removed' else verb}")
            continue
        yield from _members("model", label, was[key], now[key], {"params": "param", "tags": "tag"}, {"metrics"})
        yield from _metrics("model", f"{label}: ", was[key]["metrics"], now[key]["metrics"], lambda _: "")


def _by_version(listed: list[Json]) -> dict[str, Json]:
    return {f"{version['name']}/{version['version']}": version for version in listed}


def _versions(was: State, now: State, holder: Holder) -> Iterator[Difference]:
    for key, verb in _keys(was, now):
        label = f"model version {key}"
        if verb == "changed":
            yield from _members("version", label, was[key], now[key], {"tags": "tag"}, {"aliases"})
        else:
            yield Difference("version", f"{label} {verb}")
        yield from _aliases(label, was.get(key, {}), now.get(key, {}), holder)


def _aliases(label: str, was: State, now: State, holder: Holder) -> Iterator[Difference]:
    before, after = set(was.get("aliases", ())), set(now.get("aliases", ()))
    for alias in sorted(before - after):
        to = holder(was["name"], alias)
        where = "is gone" if to is None else f"is on version {to}"
        yield Difference("version", f"{label}: alias {alias} was on it, and {where}")
    for alias in sorted(after - before if was else ()):
        yield Difference("version", f"{label}: alias {alias} is on it, and was not")


def _members(
    kind: Kind, label: str, was: State, now: State, maps: Mapping[str, str], others: Collection[str] = ()
) -> Iterator[Difference]:
    """Field by field; those in `maps` member by member, and `others` left to somebody else."""
    for field in _fields(was, now):
        if field in maps:
            yield from _texts(kind, f"{label}: {maps[field]}", _not_ours(was[field]), _not_ours(now[field]))
        elif field not in others:
            yield Difference(kind, _changed(f"{label}: {field.replace('_', ' ')}", was[field], now[field]))


def artifact_differences(was: State, now: State) -> Iterator[Difference]:
    """As `differences`, of artifacts alone. What had no digest when it was recorded is not compared."""
    unseen = {name for name, said in was.items() if "reason" in said and said["reason"] != NOTHING_THERE}
    unread = {name: said["reason"] for name, said in now.items() if "reason" in said and not _is_gone(name, said)}
    gone = [name for name, said in now.items() if _is_gone(name, said)]
    for name, said in unread.items():
        lost = [key for key in was if _lies_in(key, name) and "hash" in was[key] and key not in now]
        if lost or "hash" in was.get(name, {}):
            of = f" ({len(lost)} recorded)" if lost else ""
            yield Difference("artifact", f"artifact {name}{of}: {said}", known=False)
    for name in sorted(was.keys() | now.keys()):
        if name in unread or any(_lies_in(name, place) for place in (*unread, *unseen)):
            continue
        before, after = was.get(name, {}).get("hash"), now.get(name, {}).get("hash")
        if before is None and after is not None:
            yield Difference("artifact", f"artifact {name} added")
        elif after is None and before is not None:
            with_it = ", with the folder that it was in" if any(_lies_in(name, place) for place in gone) else ""
            yield Difference("artifact", f"artifact {name} deleted{with_it}")
        elif before != after:
            yield Difference("artifact", f"artifact {name} changed: it was {before}, and is {after}")


def _is_gone(name: str, said: State) -> bool:
    """Whether an entry says that a whole place is not there any more."""
    return said.get("reason") == NOTHING_THERE and (name == OWN_PLACE or name.startswith("models:/"))


def _is_of_gone_model(name: str, was: State, now: State) -> bool:
    """Whether MLflow has no place for an artifact any more, so that nobody knows whether it is still there."""
    return any(
        _lies_in(name, model_place(model)) for model in was["logged_models"].keys() - now["logged_models"].keys()
    )


def _lies_in(name: str, place: str) -> bool:
    """Whether an artifact, or its place, is what an entry stands for."""
    inside = not name.startswith("models:/") if place == OWN_PLACE else name.startswith(f"{place}/")
    return inside or name == place


def _keys(was: State, now: State) -> Iterator[tuple[str, str]]:
    """The keys whose values differ, sorted, and how: `added`, `removed` or `changed`."""
    for key in sorted(was.keys() | now.keys()):
        if key not in was:
            yield key, "added"
        elif key not in now:
            yield key, "removed"
        elif was[key] != now[key]:
            yield key, "changed"


def _fields(was: State, now: State) -> list[str]:
    return [key for key, _ in _keys(was, now)]


def _not_ours(tags: State) -> State:
    return {key: value for key, value in tags.items() if not key.startswith(OURS)}


def _changed(label: str, was: Json, now: Json) -> str:
    return f"{label} changed: it was {_told(was)}, and is {_told(now)}"


def _told(value: Json) -> str:
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
