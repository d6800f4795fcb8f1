"""The versions that `make test-matrix` tests are those that are promised and those that are pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MATRIX = PROJECT["tool"]["cognify"]["matrix"]
PINNED = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())
EXTRAS = {"transformers": ["huggingface"], "lightning": ["lightning", "dev"], "trl": ["dev"]}
"""Where each framework's own bounds stand."""


def bounds(framework: str) -> dict[str, Requirement]:
    extras = PROJECT["project"]["optional-dependencies"]
    return {need.name: need for extra in EXTRAS[framework] for need in map(Requirement, extras[extra])}


@pytest.mark.parametrize("framework", MATRIX)
def test_the_bounds_admit_both_ends_and_nothing_below_the_lowest(framework: str) -> None:
    needed = bounds(framework)
    for package in needed.keys() & MATRIX[framework]["lowest"].keys():
        lowest, highest = (MATRIX[framework][end][package] for end in ("lowest", "highest"))
        assert lowest in needed[package].specifier, package
        assert highest in needed[package].specifier, package
        (least,) = (part.version for part in needed[package].specifier if part.operator == ">=")
        assert Version(least) == Version(lowest), package
    assert framework in needed
    assert any(part.operator == "<" for part in needed[framework].specifier)


@pytest.mark.parametrize("framework", MATRIX)
def test_the_highest_are_those_that_every_other_test_runs_with(framework: str) -> None:
    for package, version in MATRIX[framework]["highest"].items():
        assert PINNED[package] == version


def test_contributing_prints_the_same_table() -> None:
    printed = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.M)
    assert {name: (lowest, highest) for name, lowest, highest in printed} == {
        name: (ends["lowest"][name], ends["highest"][name]) for name, ends in MATRIX.items()
    }
