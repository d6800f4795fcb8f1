"""The files of `deploy/`, as they stand there and with this machine's places in them."""

from __future__ import annotations

from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"


def written(name: str, to: Path, *changes: tuple[str, object]) -> Path:
    """Write a file of `deploy/` to a path, with each text in it replaced by another; all must be there."""
    text = (DEPLOY / name).read_text("utf-8")
    for before, after in changes:
        assert before in text, f"deploy/{name} has no {before}"
        text = text.replace(before, str(after))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)
    return to
