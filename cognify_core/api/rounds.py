"""A round through vaults: is every lock still what it was, are the bytes still those, is anything to be kept longer.

Every round asks for the lock of every version. The bytes themselves are read in turns: each round reads its share, so
that within a cycle of rounds every byte was read and hashed once. What is as it was is not written down again until
its bytes are read; what has changed is a fact at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from cognify_core.api.rechecking import asked_of, keep_reading, vault_of
from cognify_core.api.vaulting import latest, stamp
from cognify_core.errors import CognifyError, RunNotFoundError, VaultError
from cognify_core.model.digest import Digest
from cognify_core.vault.protocol import Vault

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.keeping import VaultFact
    from cognify_core.vault.protocol import Reading

CYCLE_HOURS = 30 * 24
"""Within so many hours all bytes are read."""
_SILENCES = 3
"""After so many versions in a row that a vault says nothing of, it is asked no more in this round."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Which round this is."""

    number: int
    last: int | None
    """The last one that reached the end; none: this is the first."""
    cycle: int
    """After so many, all bytes were read."""

    def reads(self, fact: VaultFact) -> bool:
        """Whether the bytes of that version are read now: in its own round, or in the next that takes place."""
        named = f"{fact.vault}\n{fact.key}\n{fact.version}".encode()
        place = int.from_bytes(sha256(named).digest()[:8], "big") % self.cycle
        missed = 1 if self.last is None else self.number - self.last
        return (self.number - place) % self.cycle < missed


@dataclass
class Round:
    """What a round found."""

    looked: int = 0
    """Versions whose lock was read back."""
    read: int = 0
    """Versions whose bytes were read."""
    unasked: dict[str, str] = field(default_factory=dict)
    """Vaults that could not be asked, and why."""


def go_round(workspace: Workspace, turn: Turn, *, stopped: Callable[[], bool] = lambda: False) -> Round:
    """Look at everything that lies in vaults, as far as they answer. Ends early where it is `stopped`."""
    found, vaults, silent = Round(), dict[str, Vault](), Counter[str]()
    for fact in _there(workspace):
        if stopped():
            break
        if silent[fact.vault] >= _SILENCES:
            continue
        try:
            if fact.vault not in vaults:
                vaults[fact.vault] = vault_of(workspace, fact.vault)
            _look(workspace, vaults[fact.vault], fact, turn, found)
            silent[fact.vault] = 0
        except CognifyError as error:
            silent[fact.vault] += 1
            found.unasked[fact.vault] = str(error)[:500]
    return found


def _there(workspace: Workspace) -> Iterator[VaultFact]:
    """The last fact of every version, of runs that were not purged: what was to go is not missed."""
    for fact in latest(workspace.store.facts()):
        try:
            workspace.store.run(fact.run_id)
        except RunNotFoundError:
            continue
        yield fact


def _look(workspace: Workspace, vault: Vault, fact: VaultFact, turn: Turn, found: Round) -> None:
    reading, asked = vault.look(fact.key, fact.version), asked_of(fact)
    found.looked += 1
    if turn.reads(fact) and reading.digest == fact.digest:
        reading = replace(reading, digest=_digest(vault, reading))
        found.read += 1
        keep_reading(workspace, fact, reading, asked)
    elif _said(reading, str(reading.state(asked, fact.digest))) != (fact.state, fact.mode, fact.until, fact.held):
        keep_reading(workspace, fact, reading, asked)


def _digest(vault: Vault, reading: Reading) -> Digest | None:
    """The digest of the bytes that are there; a vault that tells it and does not give them has none."""
    try:
        return Digest.of(vault.read(reading.key, reading.version))
    except VaultError:
        after = vault.look(reading.key, reading.version)  # raises where it does not answer
        if after.digest is None:
            return None
        raise


def _said(reading: Reading, state: str) -> tuple[str, str | None, str | None, bool]:
    mode = None if reading.mode is None else str(reading.mode)
    return state, mode, None if reading.until is None else stamp(reading.until), reading.held
