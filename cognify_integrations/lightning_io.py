"""Every checkpoint of a Lightning training, right after it was written.

A checkpoint IO of ours stands around the one that writes. Where that runs in another thread (`AsyncCheckpointIO`), ours
must stand inside, or it would look before there is a file. Strategies that write by themselves (FSDP, ModelParallel,
DeepSpeed) ask no checkpoint IO: their `save_checkpoint` is watched too, as an attribute of the one object.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias

Saw: TypeAlias = Callable[[str, int], None]
"""Is told a path and the step of what was written there; must not raise."""

SLOT = "_checkpoint_io"
"""Where a strategy and Lightning's wrapping IOs keep the IO that they use; the public setter of a wrapping IO ignores
a second assignment."""


class StrategyWatch:
    """Sees what one strategy saves, and when it is torn down, until it is told to stop.

    Args:
        strategy: the Trainer's.
        saw: called for each checkpoint, from whichever thread has written it.
        torn_down: called when the strategy has been torn down, also where that raises.
    """

    def __init__(self, strategy: Any, saw: Saw, torn_down: Callable[[], None]) -> None:
        self._strategy, self._saw, self._torn_down = strategy, saw, torn_down
        self._through_io: set[str] = set()
        self._holder = _innermost_holder(strategy)
        self._inner = getattr(self._holder, SLOT)
        self._watching = _watching(self._inner, saw, self._through_io)
        setattr(self._holder, SLOT, self._watching)
        strategy.save_checkpoint, self._save = self._saving, strategy.save_checkpoint
        strategy.teardown, self._teardown = self._tearing_down, strategy.teardown

    def stop(self) -> None:
        """Put everything back as it was, unless somebody else has changed it meanwhile."""
        if getattr(self._holder, SLOT, None) is self._watching:
            setattr(self._holder, SLOT, self._inner)
        mine = vars(self._strategy)
        for name, method in (("save_checkpoint", self._saving), ("teardown", self._tearing_down)):
            if mine.get(name) == method:
                del mine[name]

    def _saving(self, *args: Any, **kwargs: Any) -> Any:
        result = self._save(*args, **kwargs)
        path = _path(args, kwargs, "filepath")
        if path not in self._through_io and self._wrote_itself(path):
            self._saw(path, _step(args, kwargs))
        self._through_io.discard(path)
        return result

    def _wrote_itself(self, path: str) -> bool:
        """Whether the strategy has written `path` without a checkpoint IO, and this process took part."""
        if not _saves_by_itself(self._strategy):
            return False
        alone = self._holder is self._strategy and self._strategy.is_global_zero
        return os.path.isdir(path) or (alone and os.path.exists(path))  # noqa: PTH110, PTH112 - a URL is no Path

    def _tearing_down(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._teardown(*args, **kwargs)
        finally:
            self._torn_down()


class _Watching:
    """Goes before the class of the IO that it stands for: everything but saving is that one's."""

    _inner: Any
    _saw: Saw
    _seen: set[str]

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        path = _path(args, kwargs, "path")
        self._seen.add(path)
        result = self._inner.save_checkpoint(*args, **kwargs)
        self._saw(path, _step(args, kwargs))
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_inner"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._inner, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A copy in another process is the IO itself."""
        return _itself, (self._inner,)


def _watching(inner: Any, saw: Saw, seen: set[str]) -> Any:
    """An IO of a class derived from that of `inner`, so that whoever asks for its type is told the truth."""
    kind = type(inner)
    watching: Any = object.__new__(type(kind.__name__, (_Watching, kind), {"__module__": kind.__module__}))
    vars(watching).update(_inner=inner, _saw=saw, _seen=seen)
    return watching


def _itself(inner: Any) -> Any:
    return inner


def _innermost_holder(strategy: Any) -> Any:
    """The strategy, or the wrapping IO, that holds the IO which writes."""
    holder, io = strategy, strategy.checkpoint_io  # asking makes the default one
    while (inner := vars(io).get(SLOT)) is not None:
        holder, io = io, inner
    return holder


def _saves_by_itself(strategy: Any) -> bool:
    base: Any = next(kind for kind in type(strategy).__mro__ if kind.__name__ == "Strategy")
    return type(strategy).save_checkpoint is not base.save_checkpoint


def _path(args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> str:
    return str(os.fspath(kwargs[name] if name in kwargs else args[1]))


def _step(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """The step that a checkpoint says it is of: when it is written in another thread, the training has gone on."""
    checkpoint = kwargs["checkpoint"] if "checkpoint" in kwargs else args[0]
    return int(checkpoint.get("global_step", 0))
