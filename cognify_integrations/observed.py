"""Files that this process was seen to open for reading: by Python's audit hook, by wrapped readers, by its mappings.

What is here runs at every `open` of a script that knows nothing of us: it keeps a name once, looks at no file, and
never raises. Which of the files are data is asked later (`observed_files.py`).
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

MOST_NAMES = 20_000
_MOST_REPORTED = 1 << 20  # bytes that one forked process tells of
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth", ".pyd", ".dist-info", "METADATA", "RECORD", "entry_points.txt")


class Observed:
    """The names of files that were opened for reading here and in processes forked from here, each once."""

    def __init__(self) -> None:
        self.read: dict[str, str] = {}
        """Absolute paths, with how the first opening was seen."""
        self.written: set[str] = set()
        self.left_out = 0
        """Openings after `MOST_NAMES` names were known."""
        self.failed: str | None = None
        self.began = 0.0
        self._asked: dict[Any, int] = {}
        self._reports: int | None = None
        self._room = 0
        """Bytes that this process may still tell its parent; nothing where it is not a forked one."""

    def start(self) -> None:
        """Begin to look. It cannot be ended: Python keeps audit hooks to the end of the process."""
        self.began = time.time()
        sys.addaudithook(self._audit)
        os.register_at_fork(before=self._before_fork, after_in_child=self._in_child)

    def note(self, place: Any, how: str) -> None:
        """A reader was given `place`: a path, or a list of them. Anything else is passed over."""
        if isinstance(place, list | tuple):
            for each in place[:MOST_NAMES]:
                self.note(each, how)
        elif isinstance(place, str | os.PathLike):
            self._keep(os.fspath(place), how)

    def note_written(self, place: Any) -> None:
        """A writer was given `place`."""
        if isinstance(place, str | os.PathLike) and len(self.written) < MOST_NAMES:
            self.written.add(os.path.abspath(os.fspath(place)))  # noqa: PTH100 - as below

    def names(self) -> list[tuple[str, str]]:
        """Each file with how it was seen, those of forked processes too."""
        self._collect()
        return list(self.read.items())

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            name, _, flags = arguments
            if type(name) is not str or name.endswith(
                _CODE
            ):  # by a name in bytes we open files ourselves, to hash them
                return
            kind = flags & os.O_ACCMODE
            if self._asked.get(name) == kind:
                return
            try:
                self._opened(name, kind)
            except Exception as error:  # noqa: BLE001 - an exception here would keep the script from opening its file
                self.failed = f"{type(error).__name__}: {error}"
        elif event == "sqlite3.connect" and isinstance(arguments[0], str | bytes | os.PathLike):
            try:
                self._keep(os.fspath(arguments[0]), "sqlite3")
            except Exception as error:  # noqa: BLE001 - as above: it may be any object of the script's
                self.failed = f"{type(error).__name__}: {error}"

    def _opened(self, name: str, kind: int) -> None:
        if len(self._asked) >= MOST_NAMES:
            self.left_out += 1
            return
        self._asked[name] = kind
        if kind == os.O_RDONLY:
            self._keep(name, "open")
        else:
            self.written.add(os.path.abspath(name))  # noqa: PTH100 - it may be called thousands of times

    def _keep(self, name: str | bytes, how: str) -> None:
        path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - as above
        if path in self.read:
            return
        if len(self.read) >= MOST_NAMES:
            self.left_out += 1
            return
        self.read[path] = how
        if self._room > 0 and self._reports is not None:
            line = os.fsencode(f"{how}\0{path}\n")
            self._room -= os.write(self._reports, line)

    def _before_fork(self) -> None:
        """Have a file without a name, which forked processes share: what they tell needs no lock and leaves nothing."""
        if self._reports is None:
            try:
                self._reports = _nameless()
            except OSError as error:
                self.failed = f"forked processes are not seen: {error}"

    def _in_child(self) -> None:
        self._room = _MOST_REPORTED

    def _collect(self) -> None:
        if self._reports is None or self._room:
            return
        told = os.pread(self._reports, os.fstat(self._reports).st_size, 0)
        for line in told.splitlines():
            how, _, path = os.fsdecode(line).partition("\0")
            if path:
                self.read.setdefault(path, f"{how} in a forked process")


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("cognify-observed", os.MFD_CLOEXEC)
    import tempfile  # not before it is needed: each Python that is watched would load it

    descriptor, path = tempfile.mkstemp(prefix="cognify-observed-")
    os.unlink(path)  # noqa: PTH108 - the name goes, the file stays
    return descriptor


OBSERVED = Observed()
"""What was seen in this process; an audit hook is the process's own."""
