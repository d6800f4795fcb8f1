"""The command line: tables for people, `--json` for programs, exit codes 0 holds, 1 does not hold, 2 could not."""

from cognify_core.cli.main import app

__all__ = ["app"]
