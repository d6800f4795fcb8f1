"""Packages go into a vault, with their receipts; what the vault says of them afterwards is kept, and nothing better."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from cognify_core.api.evidence_file import add_evidence, vault_fact
from cognify_core.api.keeping import find_vault, keep, lock_for
from cognify_core.errors import (
    ConfigurationError,
    VaultError,
    VaultRefusedError,
    VaultUnavailableError,
    VerificationError,
)
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.store.keeping import VaultFact
from cognify_core.vault.keys import object_key
from cognify_core.vault.opening import open_vault
from cognify_core.vault.protocol import Finding, Lock, LockState, Mode, Reading, Vault
from cognify_core.vault.uri import VaultUri

if TYPE_CHECKING:
    from datetime import datetime

    from cognify_core.api.exporting import Package
    from cognify_core.api.workspace import Workspace

Confirm: TypeAlias = Callable[["Plan"], bool]
Part: TypeAlias = Literal["package", "receipt", "oms"]
_ATTEMPTS = 3
_TRIAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be asked of a vault."""

    uri: VaultUri
    lock: Lock
    why: str

    def __str__(self) -> str:
        hold = ", and a hold until the day is known" if self.lock.held else ""
        return f"{self.uri.place}: {self.lock.mode} until {self.lock.until:%Y-%m-%dT%H:%M:%SZ}{hold} ({self.why})"

    @property
    def warning(self) -> str | None:
        """What cannot be undone about it."""
        if self.lock.mode is not Mode.COMPLIANCE:
            return None
        return (
            f"COMPLIANCE cannot be undone: until {self.lock.until:%Y-%m-%d} nobody can delete it or shorten that, you "
            "and the owner of the account included"
        )


def plan_for(workspace: Workspace, run_id: str, named: str) -> Plan:
    """What a package of that run is given in the vault that is named.

    Raises:
        ConfigurationError: no vault is named so.
        RunStateError: the run is not sealed.
    """
    uri = find_vault(workspace.settings, workspace.store, named)
    lock, hold = lock_for(workspace.store, run_id, uri.mode)
    return Plan(uri, lock, str(hold))


def check_personal(uri: VaultUri, *, personal: bool) -> None:
    """Refuse clear values of personal data in a vault from which they could not be erased.

    Raises:
        ConfigurationError: the package shows some, and the vault locks in COMPLIANCE mode.
    """
    if personal and uri.mode is Mode.COMPLIANCE:
        raise ConfigurationError(
            f"this package shows personal data in clear, which must stay erasable: it does not go into {uri.place} in "
            "COMPLIANCE mode; use a vault in GOVERNANCE mode for it"
        )


def deliver(workspace: Workspace, package: Package, plan: Plan) -> tuple[VaultFact, ...]:
    """Put a package, its receipt and OMS bundles into a vault; return what was read back of each.

    Raises:
        VaultUnavailableError: the vault does not answer; both may be put again at any time.
        VaultError: it refused.
        VerificationError: the package's file is no longer what was exported.
    """
    check_personal(plan.uri, personal=package.personal_data)
    vault = open_vault(plan.uri)
    facts = tuple(_put(vault, package, part, name, data, plan.lock) for part, name, data in _parts(package))
    for fact in facts:
        workspace.store.put_fact(fact)
    keep(workspace.store, package.run_id)
    add_evidence(package.path, package.package_hash, [vault_fact(fact) for fact in facts])
    return facts


def _parts(package: Package) -> Iterator[tuple[Part, str, bytes]]:
    data = package.path.read_bytes()
    if Digest.of(data) != package.package_hash:
        raise VerificationError(f"{package.path} has changed since it was exported; it does not go into a vault")
    yield "package", package.name, data
    yield "receipt", f"{package.name}.sigstore.json", package.receipt_path.read_bytes()
    for path in package.oms.paths:
        yield "oms", f"{path.parent.name}.{path.name}", path.read_bytes()


def _put(vault: Vault, package: Package, part: Part, name: str, data: bytes, lock: Lock) -> VaultFact:
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    key = object_key(package.run_id, package.package_hash, name)
    again = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception_type(VaultUnavailableError),
        reraise=True,
    )
    reading: Reading = again(vault.put_once, key, data, lock)
    return _fact(package.run_id, package.package_hash, part, vault, reading, lock, Digest.of(data))


def _fact(
    run_id: str, package_hash: Digest, part: Part, vault: Vault, reading: Reading, asked: Lock, digest: Digest
) -> VaultFact:
    return VaultFact(
        run_id=run_id,
        package_hash=package_hash,
        part=part,
        vault=vault.uri,
        key=reading.key,
        version=reading.version,
        digest=digest,
        mode=None if reading.mode is None else str(reading.mode),
        until=None if reading.until is None else stamp(reading.until),
        held=reading.held,
        asked_mode=str(asked.mode),
        asked_until=stamp(asked.until),
        asked_held=asked.held,
        state=str(reading.state(asked, digest)),
        read_at=stamp(reading.read_at),
    )


def stamp(moment: datetime) -> str:
    """A time of a vault's, in whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def latest(facts: list[VaultFact]) -> list[VaultFact]:
    """Of every version of an object, what was read last; by when it was read first."""
    last: dict[tuple[str, str, str], VaultFact] = {}
    for fact in facts:
        last[fact.vault, fact.key, fact.version] = fact
    return list(last.values())


def try_out(uri: VaultUri, *, put: bool) -> list[Finding]:
    """Examine a vault and, with `put`, put a small object that is locked for a minute, and try to delete it.

    Raises:
        VaultError, ConfigurationError: it does not answer, or there is none.
    """
    vault = open_vault(uri)
    return [*vault.examine(), *(_trial(vault) if put else ())]


def _trial(vault: Vault) -> Iterator[Finding]:
    data, key = secrets.token_bytes(32), f"cognify-trial/{secrets.token_hex(16)}"
    asked = Lock(Mode.GOVERNANCE, utc_now().replace(microsecond=0) + timedelta(seconds=_TRIAL_SECONDS))
    try:
        reading = vault.put_once(key, data, asked)
    except VaultError as error:
        yield Finding("put", False, str(error))
        return
    yield Finding("put", True, f"{key} was put, with a lock of a minute in GOVERNANCE mode")
    state = reading.state(asked, Digest.of(data))
    yield Finding("read back", state is LockState.LOCKED, f"the lock reads back as {state}")
    try:
        vault.remove(key, reading.version)
    except VaultRefusedError:
        yield Finding("enforced", True, "deleting it was refused")
    else:
        yield Finding("enforced", False, "it could be deleted at once: this vault does not enforce locks")
