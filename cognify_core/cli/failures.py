"""The one place where an error becomes a line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cognify_core.errors import CognifyError, UnsupportedExportError, VerificationError
from cognify_core.model.shown import plain


class ExitCode(IntEnum):
    """What a shell script may rely on."""

    HOLDS = 0
    """What was asked holds, or was done."""
    DOES_NOT_HOLD = 1
    """A contradiction: tampering, or a difference where `diff` was asked. Nothing else ends with 1."""
    COULD_NOT = 2
    """It could not be checked or could not be done: wrong usage, a missing file, an unpinned signer."""


class Commands(TyperGroup):
    """A group of commands whose errors end as one line each, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            typer.Exit: with `DOES_NOT_HOLD` for tampering and `COULD_NOT` for every other error, ours included: a
                defect of Cognify must never pass for a verdict.
        """
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except VerificationError as error:
            raise _end(str(error), code=ExitCode.DOES_NOT_HOLD) from error
        except UnsupportedExportError as error:
            raise _end(*str(error).splitlines()) from error  # its message ends in a table
        except CognifyError as error:
            raise _end(str(error)) from error
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush complains as well
            raise typer.Exit(ExitCode.COULD_NOT) from error
        except OSError as error:
            raise _end(f"{error.filename or 'the system'}: {error.strerror or error}") from error
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("cognify"):
                raise _end(_of_ours(error)) from error
            raise _end(f"{error}; it comes with an extra: pip install 'cognify-audit[huggingface]'") from error
        except Exception as error:  # a defect of ours would end with 1, and read as a verdict
            raise _end(_of_ours(error)) from error
        return result


def _end(*lines: str, code: ExitCode = ExitCode.COULD_NOT) -> typer.Exit:
    print("cognify:", "\n".join(map(plain, lines)), file=sys.stderr)
    return typer.Exit(code)


def _of_ours(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a defect of Cognify, no verdict: {type(error).__name__}: {error} ({last.name}, line {last.lineno})"
