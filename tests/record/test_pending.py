"""What is under way until it was said."""

from __future__ import annotations

import threading

import pytest

from cognify_core.model.events import Phase
from cognify_core.record.pending import Pending, PendingBody


def _one() -> Pending:
    pending = Pending()
    pending.add("a", PendingBody("a checkpoint", lambda outcome: Phase(phase="said")))
    return pending


def test_who_waits_goes_on_only_when_the_outcome_was_said_and_not_when_it_is_about_to_be() -> None:
    pending, order = _one(), list[str]()
    taken, go_on = threading.Event(), threading.Event()

    def say() -> None:
        with pending.taking("a"):
            taken.set()
            go_on.wait(30)
            order.append("said")

    def wait() -> None:
        pending.wait(30)
        order.append("waited")

    threads = [threading.Thread(target=target) for target in (say, wait)]
    threads[0].start()
    assert taken.wait(30)
    threads[1].start()
    assert pending.refs() == []
    assert not pending.wait(0)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert order == ["said", "waited"]


def test_an_outcome_is_taken_once() -> None:
    pending = _one()
    with pending.taking("a") as first, pending.taking("a") as second:
        assert first is not None
        assert second is None
    assert pending.wait(0)


def test_what_fails_while_it_is_said_keeps_nobody_waiting() -> None:
    pending = _one()
    with pytest.raises(ZeroDivisionError), pending.taking("a"):
        _ = 1 / 0
    assert pending.wait(0)
