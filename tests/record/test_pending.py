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


def test_who_waits_or_asks_goes_on_only_when_the_outcome_was_said_and_not_when_it_is_about_to_be() -> None:
    pending, order = _one(), list[str]()
    taken, go_on = threading.Event(), threading.Event()

    def say(_body: PendingBody) -> None:
        taken.set()
        go_on.wait(30)
        order.append("said")

    def wait() -> None:
        pending.wait(30)
        order.append("waited")

    def ask() -> None:
        assert pending.refs() == []
        order.append("asked")

    threads = [threading.Thread(target=target) for target in (lambda: pending.settle("a", say), wait, ask)]
    threads[0].start()
    assert taken.wait(30)
    for thread in threads[1:]:
        thread.start()
    threads[1].join(0.05)
    assert order == []
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert order[0] == "said"
    assert sorted(order) == ["asked", "said", "waited"]


def test_an_outcome_is_said_once() -> None:
    pending, said = _one(), list[PendingBody]()
    pending.settle("a", said.append)
    pending.settle("a", said.append)
    assert len(said) == 1
    assert pending.wait(0)


def test_what_fails_while_it_is_said_keeps_nobody_waiting() -> None:
    pending = _one()
    with pytest.raises(ZeroDivisionError):
        pending.settle("a", lambda _: 1 / 0)
    assert pending.wait(0)
