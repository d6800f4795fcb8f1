"""What a sealed run can be compared with: other systems, each known to an integration by its entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import TypeAlias

from cognify_core.errors import CannotVerifyError, ConfigurationError
from cognify_core.export.inputs import SealedRun
from cognify_core.settings import Settings
from cognify_core.verify.report import Finding

GROUP = "cognify.against"
"""Entry points: each takes a URI, a run with its addenda and the settings, and gives findings of `against`."""

_NOTHING_KNOWN = "nothing that is installed here compares; its entry points are missing: install cognify-audit again"

Compare: TypeAlias = Callable[[Sequence[SealedRun], Settings], Iterable[Finding]]


def comparison(where: str) -> Compare:
    """What compares with `where`, written `<system>:<its own URI>`.

    Raises:
        ConfigurationError: it is not written so, or nothing here knows the system.
        CannotVerifyError: what knows it needs a library that is not installed.
    """
    system, colon, uri = where.partition(":")
    known = {point.name: point for point in entry_points(group=GROUP)}
    if not (colon and uri) or system not in known:
        takes = f"it takes {', '.join(f'{name}:URI' for name in sorted(known))}" if known else _NOTHING_KNOWN
        raise ConfigurationError(f"cannot compare with {where!r}: {takes}")
    try:
        return partial(known[system].load(), uri)
    except ModuleNotFoundError as error:
        raise CannotVerifyError(f"{error}; it comes with an extra: pip install 'cognify-audit[{system}]'") from error
