"""Something done right after a module is imported, whoever imports it, and nothing where nobody does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importlib.abc takes longer to import than all that is here
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class AfterImport:
    """A finder that finds what the others find. Of the modules it knows, it calls ours once they are there.

    A module keeps the loader that it would have had, so its source is found and it is reloaded as always.
    """

    def __init__(self, additions: Mapping[str, str]) -> None:
        self._additions = additions

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that is waited for, as others give it; None of any other, which costs one look-up."""
        if (addition := self._additions.get(fullname)) is None:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    _call_after(spec.loader, fullname, addition)
                return spec
        return None


def _call_after(loader: Loader, fullname: str, addition: str) -> None:
    """Let `addition` have the module once this loader, which was made for it, has executed it."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        execute(module)
        try:
            import_module(addition).add(module)
        except Exception as error:  # noqa: BLE001 - nothing of ours may keep a script from importing a framework
            print(f"cognify: {fullname} is not watched: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201

    loader.exec_module = exec_module  # type: ignore[method-assign]
