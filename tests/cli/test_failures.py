from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from cognify_core.cli.failures import Commands
from cognify_core.errors import CannotVerifyError, RunNotFoundError, VerificationError

RAISED: list[tuple[BaseException, int, str]] = [
    (VerificationError("event 3 was altered"), 1, "cognify: event 3 was altered\n"),
    (CannotVerifyError("the signer is not pinned"), 2, "cognify: the signer is not pinned\n"),
    (RunNotFoundError("no run answers to 'x'"), 2, "cognify: no run answers to 'x'\n"),
    (FileNotFoundError(2, "No such file or directory", "p.json"), 2, "cognify: p.json: No such file or directory\n"),
    (OSError(28, "No space left on device"), 2, "cognify: the system: No space left on device\n"),
    (RunNotFoundError("no run \x1b[31mred\nsecond"), 2, "cognify: no run \\x1b[31mred\\nsecond\n"),
]


def ends_with(error: BaseException) -> tuple[int, str, str]:
    app = typer.Typer(cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    @app.command()
    def other() -> None:
        """Be there, so that the app is a group."""

    result = CliRunner().invoke(app, ["fail"])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("error", "code", "line"), RAISED, ids=lambda value: type(value).__name__)
def test_an_error_is_one_line_on_stderr_and_its_exit_code(error: BaseException, code: int, line: str) -> None:
    assert ends_with(error) == (code, "", line)


@pytest.mark.parametrize("error", [TypeError("boom"), ValueError("boom"), KeyError("boom"), RuntimeError("boom")])
def test_a_defect_of_ours_never_passes_for_a_verdict(error: BaseException) -> None:
    code, out, line = ends_with(error)
    assert code == 2
    assert out == ""
    assert line.startswith("cognify: a defect of Cognify, no verdict: ")
    assert "Traceback" not in line


def test_a_missing_extra_is_named_with_what_installs_it() -> None:
    assert "pip install 'cognify-audit[huggingface]'" in ends_with(ModuleNotFoundError("No module named 'pyarrow'"))[2]
