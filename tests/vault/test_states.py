"""The state of an object is never better than what was read of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.model.digest import Digest
from cognify_core.vault.protocol import Lock, LockState, Mode, Reading

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DIGEST = Digest.of(b"package")
DAYS = st.integers(-400, 400).map(lambda hours: NOW + timedelta(hours=hours))
READINGS = st.builds(
    Reading,
    key=st.just("key"),
    version=st.just("1"),
    read_at=st.just(NOW),
    digest=st.sampled_from([None, DIGEST, Digest.of(b"other")]),
    mode=st.sampled_from([None, *Mode]),
    until=st.none() | DAYS,
    held=st.booleans(),
)
LOCKS = st.builds(Lock, st.sampled_from(Mode), DAYS, st.booleans())


@given(READINGS, LOCKS)
def test_what_is_called_locked_was_read_back_as_at_least_what_was_asked_for(reading: Reading, asked: Lock) -> None:
    if reading.state(asked, DIGEST) is LockState.LOCKED:
        assert reading.digest == DIGEST
        assert reading.until is not None
        assert reading.until >= asked.until
        assert reading.until > NOW
        assert reading.mode in (Mode.COMPLIANCE, asked.mode)
        assert reading.held or not asked.held


@given(READINGS, LOCKS)
def test_other_bytes_are_missing_whatever_locks_them(reading: Reading, asked: Lock) -> None:
    assert (reading.state(asked, DIGEST) is LockState.MISSING) == (reading.digest != DIGEST)


@given(READINGS, LOCKS)
def test_a_lock_that_ended_or_never_was_is_never_called_one(reading: Reading, asked: Lock) -> None:
    ended = reading.mode is None or reading.until is None or reading.until <= NOW
    if ended:
        assert reading.state(asked, DIGEST) in (LockState.UNLOCKED, LockState.EXPIRED, LockState.MISSING)


@pytest.mark.parametrize("until", [datetime(2026, 11, 28), NOW.replace(microsecond=1)])
def test_a_lock_ends_at_a_whole_second_in_utc(until: datetime) -> None:
    with pytest.raises(ValueError, match="in UTC, in whole seconds"):
        Lock(Mode.GOVERNANCE, until)
