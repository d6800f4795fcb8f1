"""A workspace that lies on a server: runs are recorded to it while they go on, and sealed and exported there.

What is recorded stands on this machine first, in a store of its own under `COGNIFY_HOME/remote`; nothing waits for the
network, and nothing is lost while there is none. What the server seals is held against the record here before it is
believed.
"""

from __future__ import annotations

import logging
import re
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognify_core.api.exporting import RECEIPT_SUFFIX, Package
from cognify_core.api.outbox import Delivery, Outbox
from cognify_core.api.targets import target_of, write_whole
from cognify_core.api.workspace import Begun, Workspace, key_ring
from cognify_core.errors import CognifyError, ConfigurationError, ServerRefusedError, SigningKeyError
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status
from cognify_core.record.opening import open_run
from cognify_core.record.server import Server
from cognify_core.record.shipping import Parcels, Shipper
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.statement import SealStatement
from cognify_core.store.confined import confined
from cognify_core.store.working import Job

if TYPE_CHECKING:
    import os

    from cognify_core.model.events import RunOpened
    from cognify_core.seal.ledger import Ledger
    from cognify_core.seal.passphrases import Ask
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store

_log = logging.getLogger("cognify")


class RemoteWorkspace(Workspace):
    """See above. A workspace like any other for whoever records."""

    def __init__(self, settings: Settings, ask: Ask | None = None) -> None:
        """Ask nothing of the server yet.

        Raises:
            ConfigurationError: `COGNIFY_URL` is none, or there is no key for it.
        """
        if settings.url is None or settings.api_key is None:
            raise ConfigurationError(
                "COGNIFY_URL needs COGNIFY_API_KEY: `cognify token create --role recorder` makes one"
            )
        self.server = Server(settings.url, settings.api_key.get_secret_value(), settings.workspace)
        mirror = settings.home / "remote" / _folder_name(self.server)
        super().__init__(settings.model_copy(update={"home": mirror, "store": None}), ask, name=settings.workspace)
        self._resumed = False
        self._mirror: Store | None = None
        self.ring = key_ring(settings, ask)

    @property
    def is_remote(self) -> bool:
        """It does."""
        return True

    @property
    def place(self) -> str:
        """Where runs are recorded to, for people."""
        return f"{self.server.url}, workspace {self.name}"

    @cached_property
    def parcels(self) -> Parcels:
        """What is on its way."""
        return Parcels(self.settings.home / "parcels")

    @cached_property
    def shipper(self) -> Shipper:
        """Who sends it."""
        return Shipper(self.store, self.server, self.parcels)

    @cached_property
    def outbox(self) -> Outbox:
        """Nothing: the server puts what it seals into vaults."""
        return _NoOutbox(self)

    @property
    def ledger(self) -> Ledger:
        """None.

        Raises:
            ConfigurationError: the ledger is the server's.
        """
        raise ConfigurationError(f"the ledger of {self.name} is kept by {self.server.url}: GET …/ledger/head")

    def seal(self, run_id: str) -> bytes:
        """Bring a closed run to the server, have it sealed, and keep the seal, where it is of this record.

        Raises:
            ServerUnavailableError: the server cannot be reached; `cognify sync` goes on from here.
            ServerRefusedError: it does not take the record, or seals another one.
            SigningKeyError: it signs with another key than it did before.
        """
        if (kept := self.store.bundle(run_id)) is not None:
            return kept
        record = ClosedRecord.read(tuple(self.store.events(run_id)))
        bundle = self.shipper.seal(run_id)
        self._check(bundle, record)
        said = SealStatement.parse(Bundle.parse(bundle).payload).predicate
        self.store.freeze(run_id, record.freeze(said.sealed_at))
        self.store.put_envelope(run_id, bundle)
        return self.store.put_bundle(run_id, bundle)

    def _check(self, bundle: bytes, record: ClosedRecord) -> None:
        signed = Bundle.parse(bundle)
        key = self._pin()
        signed.verify(key)
        said = SealStatement.parse(signed.payload).predicate
        if (said.run_id, said.record.size, said.record.root) != (
            record.run_id,
            record.manifest.size,
            record.manifest.root,
        ):
            raise ServerRefusedError(f"{self.server.url} has sealed another record than that of {record.run_id}")

    def _pin(self) -> Any:
        """The server's signing key: the first one that it shows is pinned; another one later is refused."""
        name = f"server-{_folder_name(self.server)}"[:64]
        told = self.server.keys()
        pinned = [pin.key for pin in self.ring.pinned() if pin.name == name]
        if not pinned:
            self.ring.logs.trust(str(told.get("log")).encode("utf-8"), name)
            return self.ring.trust(str(told.get("signer")).encode("utf-8"), name)
        for key in pinned:
            if key.key_id == told.get("key_id"):
                return key
        raise SigningKeyError(
            f"{self.server.url} signs with another key than before: have its operator tell you why, and pin the new "
            f"one with `cognify keys trust FILE --name {name}`"
        )

    def export(
        self,
        run_id: str,
        *,
        format: str = "json",  # noqa: A002 - the word that users know
        template: str | None = None,
        path: str | os.PathLike[str] | None = None,
        watch: Watch = unwatched,
    ) -> Package:
        """Have the server make a package, and bring it here."""
        watch("asking the server")
        told = self.server.export(run_id, {"format": format, "template": template})
        wanted = str(told.get("package_hash"))
        data, receipt = self.server.package(run_id, wanted)
        if str(Digest.of(data)) != wanted:
            raise ServerRefusedError(f"{self.server.url} sent other bytes than those of {wanted}")
        name = Path(str(told.get("name"))).name
        named = None if path is None else Path(path).expanduser()
        target = target_of(named, self.settings.packages_path / run_id, name)
        beside = target.with_name(target.name + RECEIPT_SUFFIX)
        write_whole(target, data)
        write_whole(beside, receipt)
        return Package(
            package_hash=Digest.of(data),
            path=target,
            receipt_path=beside,
            run_id=run_id,
            format=format,
            template=template,
            size=len(data),
            addenda=int(told.get("addenda") or 0),
            name=name,
        )

    def sync(self) -> list[Delivery]:
        """Send what waits, and have sealed what was to be; what became of each run."""
        done: list[Delivery] = []
        for row in reversed(self.store.runs(addenda=True)):
            parcel = self.parcels.find(row.run_id) or self.parcels.new(row.run_id, self.server)
            ended = row.status is not Status.RUNNING
            if row.status is Status.AUDIT_SEALED or (ended and not parcel.wanted and parcel.size == row.size):
                continue
            job = Job(row.run_id, "send", row.run_id, due_at=row.opened_at, created_at=row.opened_at)
            try:
                if parcel.wanted and ended:
                    self.seal(row.run_id)
                else:
                    self.shipper.bring(row.run_id)
                done.append(Delivery(job, ("sealed" if parcel.wanted and ended else "sent",)))
            except CognifyError as error:
                done.append(Delivery(job, error=str(error)))
        return done

    def close(self) -> None:
        """Let go of threads and files."""
        if "shipper" in self.__dict__:
            self.shipper.stop()
        super().close()
        if self._mirror is not None:
            self._mirror.close()

    def _open_store(self) -> Store:
        self._mirror = super()._open_store()
        return confined(self._mirror, self.name)

    def _begin(self, opened: RunOpened, **how: Any) -> Begun:
        """Begin a record here, and send it on its way."""
        run_id = open_run(self.store, opened, **how)
        if self.parcels.find(run_id) is None:
            self.shipper.send(self.parcels.new(run_id, self.server))
        if not self._resumed:
            self._resumed = True
            threading.Thread(target=self._resume, name="cognify-sync", daemon=True).start()
        return Begun(run_id, ())

    def _resume(self) -> None:
        """Send on what earlier processes left; what cannot be sent now waits for the next one."""
        for sent in self.sync():
            if sent.error is not None:
                _log.warning("Cognify: %s waits to be sent: %s", sent.job.run_id, sent.error)
                return


class _NoOutbox(Outbox):
    def sealed(self, run_id: str) -> None:
        """Leave it to the server."""


def _folder_name(server: Server) -> str:
    """A folder for each workspace of each server, as a file system and a pin may be named."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", server.url.partition("://")[2]).strip("-.")
    return f"{plain[:30]}-{server.workspace[:20]}"
