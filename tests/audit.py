"""`make audit`: known holes in what this project is built of and tested with. It passes only where that could be seen.

Each package of `constraints.txt`, in the version that stands there, is looked up by pip-audit. A service that cannot be
reached, does not know a package, or knows nothing of holes passes nobody: an old package with a well-known hole is
looked up first, and must be found out.

Exit codes: 0, no known hole but those of `audit.toml`; 1, there are others; 2, it could not be checked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
KNOWN_TO_BE_BAD = "jinja2==2.10"
"""CVE-2019-10906: templates leave their sandbox."""


class CannotAuditError(Exception):
    """It could not be checked."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A hole that does not reach this project, why, and until when that is believed."""

    id: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Hole:
    """What is known of one package."""

    package: str
    ids: frozenset[str]
    """Its names: PYSEC, CVE, GHSA."""
    fixed: str


def read_ignored(path: Path) -> dict[str, Ignored]:
    """The ignore-list. Raises `CannotAuditError` where an entry has no reason, or no day."""
    try:
        entries = [Ignored(**each) for each in tomllib.loads(path.read_text("utf-8")).get("ignored", [])]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise CannotAuditError(f"{path.name} does not read: {error}; an entry has id, reason and until") from error
    for each in entries:
        if not each.reason.strip() or type(each.until) is not date:
            raise CannotAuditError(f"{path.name}: {each.id} needs a reason, and a day (until = 2027-01-31)")
    return {each.id: each for each in entries}


def look_up(pins: Sequence[str], environ: Mapping[str, str]) -> list[Hole]:
    """The known holes of packages, each pinned as in `name==1.0`.

    Raises:
        CannotAuditError: one was not found, or the service did not answer.
    """
    with TemporaryDirectory() as folder:
        asked = Path(folder, "pins.txt")
        asked.write_text("\n".join(pins))
        words = [sys.executable, "-m", "pip_audit", "--requirement", str(asked), "--no-deps", "--disable-pip"]
        words += [
            "--format",
            "json",
            "--desc",
            "off",
            "--aliases",
            "on",
            "--progress-spinner",
            "off",
            *_service(environ),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(environ))
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        last = (done.stderr.strip() or "pip-audit says nothing").splitlines()[-1]
        raise CannotAuditError(last[:300]) from error
    passed_over = [f"{each['name']} ({each['skip_reason']})" for each in answers if "skip_reason" in each]
    if passed_over or len(answers) != len(pins):
        raise CannotAuditError(
            f"{len(pins) - len(answers) + len(passed_over)} not looked up: {'; '.join(passed_over)[:300]}"
        )
    return list(_holes(answers))


def _service(environ: Mapping[str, str]) -> list[str]:
    """`AUDIT_SERVICE` is `pypi` (the default), `osv`, or the URL of a service that speaks as OSV does."""
    named = environ.get("AUDIT_SERVICE", "pypi")
    return (
        ["--vulnerability-service", "osv", "--osv-url", named] if "://" in named else ["--vulnerability-service", named]
    )


def _holes(answers: Sequence[Mapping[str, Any]]) -> Iterator[Hole]:
    for each in answers:
        for hole in each["vulns"]:
            ids = frozenset((hole["id"], *hole["aliases"]))
            yield Hole(f"{each['name']} {each['version']}", ids, ", ".join(hole["fix_versions"]) or "no version")


def audit(pins: Sequence[str], ignored: Mapping[str, Ignored], today: date, environ: Mapping[str, str]) -> int:
    """Say what is known; the exit code."""
    if not look_up([KNOWN_TO_BE_BAD], environ):
        raise CannotAuditError(f"the service knows of no hole in {KNOWN_TO_BE_BAD}, which has one: it tells nothing")
    held, used = 0, set[str]()
    for hole in look_up(pins, environ):
        reasons = [ignored[each] for each in sorted(hole.ids) if each in ignored]
        used |= {each.id for each in reasons}
        if any(each.until >= today for each in reasons):
            continue
        held += 1
        print(f"{hole.package}: {', '.join(sorted(hole.ids))}; mended in {hole.fixed}")
        for each in reasons:
            print(f"  was looked away from until {each.until}: {each.reason}")
    for unused in sorted(ignored.keys() - used):
        print(f"{unused} stands in audit.toml, and nothing has it any more: take it out")
    print(f"{len(pins)} packages; {held or 'no'} known hole{'' if held == 1 else 's'} but those of audit.toml")
    return 1 if held else 0


def main(root: Path = ROOT) -> int:
    """Audit a checkout."""
    try:
        pins = root.joinpath("constraints.txt").read_text("utf-8").split()
        return audit(pins, read_ignored(root / "audit.toml"), datetime.now(UTC).date(), os.environ)
    except CannotAuditError as error:
        print(f"could not be checked: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
