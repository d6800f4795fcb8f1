"""A program that is started for the user: it has our terminal, gets the signals sent to us, and decides how we end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_PASSED_ON = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM}
)
_AWAITED = _PASSED_ON | {signal.SIGCHLD}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # a program expects to find them as they usually are
_FROM_THE_KERNEL = 0x80  # si_code: the terminal sent it, to every process in the foreground
_LOOK_SECONDS = 0.5  # a SIGCHLD may reach another thread


@contextmanager
def signals_held() -> Iterator[None]:
    """Let signals wait: a child takes them. To be entered before there are threads, which would take them otherwise."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_child(program: str, command: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False) -> int:
    """Run `program` to its end; return its exit code, 128+n where signal n ended it, as a shell does.

    It is called within `signals_held()`. Where one of them came already, the program is not started.

    Args:
        program: the path of what is started.
        command: its arguments, beginning with its name.
        environment: all that it finds there.
        quiet: its stdout goes to stderr.

    Raises:
        OSError: it cannot be started.
    """
    if early := signal.sigpending() & _PASSED_ON:
        return 128 + int(signal.sigwait(early))
    reaping = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        child = os.posix_spawn(
            program,
            list(command),
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)] if quiet else [],
            setsigmask=signal.pthread_sigmask(signal.SIG_BLOCK, ()) - _AWAITED,
            setsigdef=_IGNORED_BY_PYTHON,
        )
        code = os.waitstatus_to_exitcode(_end_of(child))
    finally:
        signal.signal(signal.SIGCHLD, reaping)
    return code if code >= 0 else 128 - code


def _end_of(child: int) -> int:
    """Wait for a child, and pass on to it what is sent to us alone."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        told = signal.sigtimedwait(_AWAITED, _LOOK_SECONDS)
        if told is not None and told.si_signo in _PASSED_ON and told.si_code != _FROM_THE_KERNEL:
            os.kill(child, told.si_signo)
