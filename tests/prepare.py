"""Install the programs that tests drive and pip does not bring. Says what it does; without root, says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = {
    "chromium": "chromium",
    "git": "git",
    "openssl": "openssl",
    "pdftoppm": "poppler-utils",
    "sha256sum": "coreutils",
    "strace": "strace",
}


def main() -> None:
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        print(f"Please install {', '.join(missing)}: the tests that need them will skip, and say so.", file=sys.stderr)
        return
    print(f"Installing {', '.join(missing)} for the tests …", file=sys.stderr)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", "--quiet", "--quiet", *command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
