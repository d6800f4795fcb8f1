"""Coroutines in tests: the test's own thread may have the loop of a browser going, which another test has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


def finished(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What a coroutine returns, run to its end in a thread and a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
