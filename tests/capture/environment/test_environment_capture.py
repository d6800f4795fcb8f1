"""Packages, machine and personal data: found without frameworks, and without saying who it was."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import pytest

from cognify_core.canonical import encode, parse
from cognify_core.capture.commitments import commit, display_path, opens, without_home
from cognify_core.capture.environment import collect_environment
from cognify_core.capture.machine import describe_gpus, describe_machine
from cognify_core.capture.packages import installed_packages, lock_hash


def test_the_packages_are_those_that_importlib_lists() -> None:
    theirs = {
        dist.metadata["Name"].lower().replace("_", "-").replace(".", "-"): dist.version for dist in distributions()
    }
    ours = installed_packages(sys.path)
    assert ours == theirs
    assert list(ours) == sorted(ours)


def test_the_first_package_of_a_name_counts_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    for folder, name, text in [
        ("a", "Some_Pkg-1.dist-info", "Metadata-Version: 2.1\nName: Some_Pkg\nVersion: 1\n\nName: body\n"),
        ("b", "some.pkg-2.dist-info", "Name: some.pkg\nVersion: 2\n"),
        ("b", "broken-3.dist-info", ""),
        ("b", "old-4.egg-info", "Name: old\nVersion: 4\n"),
    ]:
        path = tmp_path / folder / name
        path.mkdir(parents=True)
        (path / ("PKG-INFO" if name.endswith("egg-info") else "METADATA")).write_text(text)
    assert installed_packages([str(tmp_path / "a"), str(tmp_path / "b")]) == {"old": "4", "some-pkg": "1"}


def test_the_lock_hash_is_that_of_the_sorted_lines() -> None:
    expected = sha256(b"a==1\nb==2\n").hexdigest()
    assert lock_hash({"b": "2", "a": "1"}) == f"sha256:{expected}"


def test_the_digest_is_that_of_the_environment_and_the_same_again(tmp_path: Path) -> None:
    one, other = (collect_environment(tmp_path, {"PYTHONHASHSEED": "0", "SECRET": "x"}) for _ in range(2))
    assert one.outcome.hash == other.outcome.hash
    assert one.outcome.format == "cognify.config/v1"
    assert one.outcome.manifest is not None
    config = parse(one.outcome.manifest)["config"]
    assert config["variables"] == {"PYTHONHASHSEED": "0"}
    assert config["packages"]["pytest"] == pytest.__version__
    assert config["python"]["version"] == ".".join(map(str, sys.version_info[:3]))


def test_the_facts_are_small_and_can_stand_in_an_event(tmp_path: Path) -> None:
    facts = collect_environment(tmp_path).outcome.facts
    assert facts["packages"] > 20
    assert len(encode(facts)) < 4000


def test_lock_files_are_hashed_from_the_nearest_folder_that_has_any(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_bytes(b"lock")
    (tmp_path / "requirements.txt").write_bytes(b"reqs")
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    found = collect_environment(tmp_path / "sub" / "deep").outcome.facts["lock_files"]
    assert found == {
        "uv.lock": f"sha256:{sha256(b'lock').hexdigest()}",
        "requirements.txt": f"sha256:{sha256(b'reqs').hexdigest()}",
    }


def test_personal_data_is_committed_to_and_never_clear(tmp_path: Path) -> None:
    outcome, openings = collect_environment(tmp_path)
    assert {opening.label for opening in openings} <= {"user", "host", "home"}
    assert all(opens(opening) for opening in openings)
    assert outcome.facts["personal"] == {opening.label: opening.commitment for opening in openings}
    assert outcome.manifest is not None
    assert "personal" not in json.loads(outcome.manifest)["config"]


def test_a_commitment_is_the_hash_of_domain_random_bytes_and_value() -> None:
    opening = commit("user", "ada")
    expected = sha256(b"cognify.commit/v1\x00" + opening.random + b"ada").hexdigest()
    assert (opening.commitment, len(opening.random)) == (f"sha256:{expected}", 32)


def test_two_commitments_to_one_value_tell_nobody_so() -> None:
    assert commit("ip", "10.0.0.1").commitment != commit("ip", "10.0.0.1").commitment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada", "~"),
        ("/home/ada/x", "~/x"),
        ("--out=/home/ada/x", "--out=~/x"),
        ("/home/ada:/home/ada/b", "~:~/b"),
        ("/home/adam/x", "/home/adam/x"),
        ("/home/ada-2/x", "/home/ada-2/x"),
        ("/mnt/home/ada/x", "/mnt/home/ada/x"),
        ("relative/home/ada", "relative/home/ada"),
    ],
)
def test_the_home_directory_is_written_as_a_tilde(text: str, shown: str) -> None:
    assert without_home(text, Path("/home/ada")) == shown


def test_a_home_at_the_root_changes_nothing() -> None:
    assert display_path(Path("/data/x"), Path("/")) == "/data/x"


def test_paths_are_shown_absolute() -> None:
    assert display_path(Path("x"), Path("/")) == str(Path.cwd() / "x")


def test_this_machine_has_a_kernel_cores_and_memory() -> None:
    machine = describe_machine()
    assert machine["cores"] >= 1
    assert machine["memory_bytes"] > 1 << 28
    assert machine["kernel"].startswith("Linux ")
    assert machine["cpu"]


def test_gpus_are_read_from_what_the_query_prints() -> None:
    lines = "NVIDIA H100 80GB HBM3, 81559, 550.54.15\nNVIDIA X, [N/A], 550.54.15\nbroken\n"
    assert describe_gpus(("printf", "%s", lines)) == (
        "550.54.15",
        [{"name": "NVIDIA H100 80GB HBM3", "memory_mib": 81559}, {"name": "NVIDIA X", "memory_mib": None}],
    )


@pytest.mark.parametrize("query", [("no-such-program",), ("false",)])
def test_without_the_program_gpus_are_read_from_the_kernel(tmp_path: Path, query: tuple[str, ...]) -> None:
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    (tmp_path / "gpus" / "0000:01:00.0" / "information").write_text("Model: \t\t NVIDIA T4\nIRQ: 1\n")
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n")
    assert describe_gpus(query, tmp_path) == ("535.104.05", [{"name": "NVIDIA T4", "memory_mib": None}])
    assert describe_gpus(query, tmp_path / "none") == (None, [])


def test_no_framework_is_imported() -> None:
    script = (
        "import sys; from cognify_core.capture.environment import collect_environment; collect_environment(); "
        "from cognify_core.capture.code import collect_code; collect_code(); import cognify_core.capture.weights; "
        "print(sorted({'torch', 'numpy', 'pyarrow', 'transformers', 'sqlalchemy'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
