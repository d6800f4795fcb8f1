from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import as_process, cognify, in_terminal, json_of


def sealed(folder: Path) -> str:
    rows = json_of(folder, "ls")["runs"]
    return str(next(row["run_id"] for row in rows if row["name"] == "sealed"))


def still_open(folder: Path) -> str:
    rows = json_of(folder, "ls")["runs"]
    return str(next(row["run_id"] for row in rows if row["name"] != "sealed"))


def test_ls_lists_the_runs_newest_first(workspace: Path) -> None:
    runs = json_of(workspace, "ls")["runs"]
    assert [run["status"] for run in runs] == ["COMPLETED", "AUDIT_SEALED"]
    assert all(run["run_id"] in cognify(workspace, "ls").stdout for run in runs)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--status", "unsealed"), ["COMPLETED"]),
        (("--status", "sealed"), ["AUDIT_SEALED"]),
        (("--status", "completed", "--project", "clinical-nlp"), ["COMPLETED"]),
        (("--status", "failed"), []),
        (("--project", "another"), []),
        (("seal",), ["AUDIT_SEALED"]),
        (("%",), []),
        (("--no-gaps", "--status", "unsealed"), ["COMPLETED"]),
        (("--gaps", "--status", "unsealed"), []),
        (("--since", "2020-01-01", "--until", "2099-12-31"), ["COMPLETED", "AUDIT_SEALED"]),
        (("--until", "2020-01-01"), []),
    ],
)
def test_ls_lists_those_that_are_looked_for(workspace: Path, words: tuple[str, ...], found: list[str]) -> None:
    assert [run["status"] for run in json_of(workspace, "ls", *words)["runs"]] == found
    if not found:
        assert "no run answers to all of that" in cognify(workspace, "ls", *words).stdout


def test_ls_finds_the_runs_that_used_a_content(workspace: Path) -> None:
    lineage = json_of(workspace, "show", sealed(workspace))["lineage"]
    used = next(node["hash"] for node in lineage["nodes"] if node["type"] == "checkpoint")
    assert [run["run_id"] for run in json_of(workspace, "ls", "--holds", used)["runs"]] == [sealed(workspace)]


def test_ls_says_that_there_are_older_ones(workspace: Path) -> None:
    assert "… and older ones: --limit 0 lists all" in cognify(workspace, "ls", "-n", "1").stdout
    assert "older ones" not in cognify(workspace, "ls", "-n", "0").stdout


@pytest.mark.parametrize(
    "words", [("--since", "yesterday"), ("--holds", "abc"), ("--status", "odd"), ("--limit", "-1")]
)
def test_ls_refuses_what_it_cannot_look_for(workspace: Path, words: tuple[str, ...]) -> None:
    result = cognify(workspace, "ls", *words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_ls_of_an_empty_home_says_how_to_make_the_first_run(tmp_path: Path) -> None:
    assert "no runs yet" in cognify(tmp_path, "ls").stdout
    assert json_of(tmp_path, "ls") == {"runs": []}


def test_a_hostile_name_reaches_no_terminal(workspace: Path) -> None:
    for words in (["ls"], ["show", still_open(workspace)]):
        result = cognify(workspace, *words)
        assert result.exit_code == 0, result.output
        assert r"open [red]\x1b[31m\u202e" in result.stdout
        assert not set(result.stdout) & set("\x1b\x07\u202e")


def test_a_note_with_a_line_break_stays_one_line(workspace: Path) -> None:
    assert r"note (limitation): line one\nline two \x1b]0;pwned\x07" in cognify(workspace, "show").stdout


def test_show_tells_the_lineage_with_whole_digests(workspace: Path) -> None:
    view = json_of(workspace, "show", sealed(workspace))
    shown = cognify(workspace, "show", sealed(workspace)).stdout
    assert "ds_patient_notes_v3" in shown
    assert all(node["id"] in shown and (node["hash"] or "") in shown for node in view["lineage"]["nodes"])
    assert all(package["package_hash"] in shown for package in view["packages"])


def test_show_tells_every_gap_and_what_mends_it(workspace: Path) -> None:
    view = json_of(workspace, "show", sealed(workspace))
    shown = cognify(workspace, "show", sealed(workspace)).stdout
    assert all(gap["subject"] in shown and (gap["mend"] or "") in shown for gap in view["gaps"])


def test_a_metric_that_json_cannot_hold_is_told_by_name(workspace: Path) -> None:
    loss = json_of(workspace, "show", sealed(workspace))["metrics"]["loss"]
    assert loss["first"] == 0.5
    assert loss["last"] == "NaN"


def test_show_in_a_narrow_terminal_cuts_no_digest(workspace: Path) -> None:
    view = json_of(workspace, "show", sealed(workspace))
    shown = in_terminal(workspace, "show", sealed(workspace), columns=40)
    assert all(node["hash"] in shown for node in view["lineage"]["nodes"] if node["hash"])


def test_ls_in_a_narrow_terminal_cuts_no_run_id(workspace: Path) -> None:
    assert sealed(workspace) in in_terminal(workspace, "ls", columns=20)


def test_the_beginning_of_a_run_id_will_do(workspace: Path) -> None:
    assert json_of(workspace, "show", sealed(workspace)[:-1])["run"]["run_id"] == sealed(workspace)


@pytest.mark.parametrize("command", ["show", "seal", "export", "verify"])
def test_an_unknown_run_is_one_line_that_lists_candidates(command: str, workspace: Path) -> None:
    result = cognify(workspace, command, "run_19990101")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert sealed(workspace) in result.stderr


def test_seal_seals_a_run_that_has_ended(mine: Path) -> None:
    done = json_of(mine, "seal", still_open(mine))
    row = json_of(mine, "show", done["run_id"])["run"]
    assert row["status"] == "AUDIT_SEALED"
    assert (row["root"], row["events"], row["sealed_at"]) == (done["root"], done["events"], done["sealed_at"])


def test_discard_leaves_a_tombstone_with_its_reason(mine: Path) -> None:
    run = still_open(mine)
    stone = json_of(mine, "discard", run, "--reason", "wrong data")
    assert (stone["run_id"], stone["reason"]) == (run, "wrong data")
    assert run not in cognify(mine, "ls").stdout


def test_a_sealed_run_cannot_be_discarded(mine: Path) -> None:
    result = cognify(mine, "discard", sealed(mine), "--reason", "regret")
    assert result.exit_code == 2
    assert sealed(mine) in result.stderr


def test_a_reader_that_goes_away_leaves_no_traceback(workspace: Path) -> None:
    import subprocess

    from tests.cli.running import PROGRAM, environment

    script = 'exec 3>&1; "$@" | true; exit ${PIPESTATUS[0]}'
    command = ["bash", "-c", script, "-", *PROGRAM, "show", sealed(workspace)]
    result = subprocess.run(
        command, env=environment(workspace / "home"), capture_output=True, text=True, check=False, timeout=120
    )
    assert result.stderr == ""
    assert result.returncode in (0, 2)  # 0 where everything fitted into the pipe before it closed


def test_json_on_stdout_is_all_that_is_on_stdout(workspace: Path) -> None:
    result = as_process(workspace, "show", sealed(workspace), "--json")
    assert json.loads(result.stdout)["run"]["run_id"] == sealed(workspace)


def test_show_names_sources_before_what_came_from_them(workspace: Path) -> None:
    pytest.importorskip("pyarrow")
    edges = json_of(workspace, "show", sealed(workspace))["lineage"]["edges"]
    shown = cognify(workspace, "show", sealed(workspace)).stdout
    assert edges
    assert all(shown.index(f"{edge['from']}  content") < shown.index(f"{edge['to']}  content") for edge in edges)


def test_an_ended_run_is_shown_with_the_command_that_seals_it(workspace: Path) -> None:
    run = still_open(workspace)
    assert cognify(workspace, "show", run).stdout.splitlines()[-1] == f"→ cognify seal {run}"


def test_prose_in_a_terminal_is_wrapped_between_words(workspace: Path) -> None:
    shown = in_terminal(workspace, "show", sealed(workspace), columns=90)
    prose = [line for line in shown.splitlines() if "/" not in line]
    assert max(map(len, prose)) <= 90 + len("\x1b[33m\x1b[0m")
    assert "AUDIT_SEALED" in shown
