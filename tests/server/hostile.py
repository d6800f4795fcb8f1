"""A run in which every text that anybody can fill tries to become markup; and what pages must not hold."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from cognify_core.canonical import encode
from cognify_core.capture.commitments import commit
from cognify_core.model.digest import Digest
from cognify_core.model.events import (
    Attestation,
    BaseModelSeen,
    Body,
    CodeSeen,
    EnvironmentSeen,
    Failure,
    Metrics,
    Phase,
    ProfileSeen,
    Release,
)
from tests import factories
from tests.server.serving import Room, line

HOSTILE = (
    "</title></textarea></script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    "<svg onload=window.pwned=1>\"'`><a href=javascript:window.pwned=1>{{7*7}}{% x %}\u202eevil\x1b[31m\u2028&lt;"
)
SHORT = "\"'><img src=x onerror=window.pwned=1>"
TREE = f"# cognify.tree/v1\n{'0' * 64}  {SHORT}\n".encode()
ROWS = encode({"format": "cognify.rows/v1", "columns": {HOSTILE: HOSTILE}, "rows": 3, "root": "1" * 64})
CONFIG = encode(
    {
        "format": "cognify.config/v1",
        "redaction": "v1",
        "config": {"training_arguments": {HOSTILE: HOSTILE}, "model": {"architectures": [HOSTILE]}, HOSTILE: [HOSTILE]},
    }
)
MANIFESTS = (TREE, ROWS, CONFIG)
_FACTS = {HOSTILE: HOSTILE, "n": [HOSTILE, {HOSTILE: HOSTILE}]}
_CONFIG: dict[str, Any] = {
    "hash": Digest.of(CONFIG),
    "manifest": "cognify.config/v1",
    "at": factories.TIME,
    "assurance": "content",
}
_TREE: dict[str, Any] = {"hash": Digest.of(TREE), "manifest": "cognify.tree/v1"}
_PLACED: dict[str, Any] = {"location": HOSTILE, "facts": _FACTS}
_EVALUATED = {
    "form": "cognify.evaluation/v1",
    "how": "declared",
    "metrics": [{"name": HOSTILE, "value": 0.5, "definition": HOSTILE, "reason": HOSTILE}],
    "slices": [{"by": HOSTILE, "value": HOSTILE, "n": 3, "metrics": [{"name": HOSTILE, "value": 0.5}]}],
    "harness": {"name": HOSTILE, "version": HOSTILE, "task": HOSTILE},
    "said": {HOSTILE: HOSTILE},
    "objective": HOSTILE,
    "rationale": HOSTILE,
}


def bodies() -> list[Body]:
    """An event of each kind; whatever is text in it is hostile."""
    lost = {"assurance": "unresolved", "reason": HOSTILE, "hash": None, "manifest": None}
    declared = {"schema_version": HOSTILE, "provenance": _FACTS, "hash": Digest.of(ROWS)}
    git = {"git": {"commit": HOSTILE, "dirty": HOSTILE}}
    return [
        factories.dataset(id=SHORT, name=HOSTILE, role=HOSTILE, **declared, **_PLACED),
        factories.dataset(ref="lost", id=f"lost {SHORT}", name=HOSTILE, role=SHORT, **lost, **_PLACED),
        factories.config(id=f"cfg {SHORT}", **_CONFIG, **_PLACED),
        EnvironmentSeen(ref="e", id=f"env {SHORT}", **_CONFIG, **_PLACED),
        CodeSeen(ref="c", id=f"code {SHORT}", location=HOSTILE, facts=git, **_CONFIG),
        BaseModelSeen(ref="b", id=f"base {SHORT}", name=HOSTILE, **_CONFIG, **_PLACED),
        factories.checkpoint(7, id=f"ckpt {SHORT}", inputs=("train",), **_TREE, **_PLACED),
        factories.evaluation(id=f"eval {SHORT}", name=HOSTILE, results={HOSTILE: 0.5}, facts=_EVALUATED, **_CONFIG),
        Metrics(points=((1, HOSTILE, 0.5), (2, HOSTILE, 0.25)), tracker=HOSTILE),
        Phase(phase=HOSTILE, facts=_FACTS),
        Failure(where=HOSTILE, error=HOSTILE),
        factories.gap(subject=HOSTILE, reason=HOSTILE, mend=HOSTILE, owner=HOSTILE),
        factories.note(text=HOSTILE, note_kind=HOSTILE, subject=HOSTILE),
        Attestation(claim=HOSTILE, by=HOSTILE, role=HOSTILE, meaning=HOSTILE, form=HOSTILE, subject=HOSTILE),
        Release(approved_by=HOSTILE, role=HOSTILE, ran_by=HOSTILE, on="2026-11-29"),
        ProfileSeen(project=HOSTILE, profile={"system_name": HOSTILE, "gap_owners": {HOSTILE: HOSTILE}}),
    ]


def hostile_run(room: Room) -> str:
    """Such a run, which goes on."""
    run_id = room.begin(name=HOSTILE, project=HOSTILE, tags={HOSTILE: HOSTILE}, recorder=HOSTILE)
    for manifest in MANIFESTS:
        room.served.store.put_manifest(manifest, workspace=room.name)
    said = [body.model_dump(mode="json", exclude_none=True) for body in bodies()]
    room.append(run_id, *(line(body, number) for number, body in enumerate(said))).raise_for_status()
    room.served.store.put_openings(run_id, [commit("user", HOSTILE)])
    return run_id


def finish(room: Room, run_id: str, *, seal: bool = False) -> None:
    """End a run."""
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
    if seal:
        room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()


def what_pages_never_hold(page: str) -> list[str]:
    """Scripts that are not files of ours, handlers, styles, pictures and links that lead elsewhere."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    _ADDRESSES = ("href", "src", "action", "formaction", "data-live", "srcdoc", "xlink:href")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        if tag == "script" and not str(dict(attrs).get("src", "")).startswith("/static/"):
            self.found.append("a script that is no file of ours")
        self.found += [f"{tag} {name}={value}" for name, value in attrs if self._is_wrong(name, str(value))]

    def _is_wrong(self, name: str, value: str) -> bool:
        elsewhere = name in self._ADDRESSES and (not value.startswith(("/", "#", "?")) or value.startswith("//"))
        return elsewhere or name.startswith("on") or name in ("style", "srcdoc")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.found.append(f"script: {data[:100]}")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False
