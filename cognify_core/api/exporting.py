"""A sealed run becomes a package file with a receipt beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cognify_core.api.oms import OmsBundles, write_oms
from cognify_core.api.targets import target_of, write_whole
from cognify_core.export.document.clear_values import personal_commitments
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.inputs import SealedRun, made_from
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.ledger import Ledger
from cognify_core.seal.sealing import seal_package
from cognify_core.store.keeping import VaultFact
from cognify_core.store.protocol import Opening, Receipt, Store
from cognify_core.verify.store_check import read_sealed

RECEIPT_SUFFIX = ".sigstore.json"


@dataclass(frozen=True, slots=True)
class Package:
    """An exported file. `sha256sum PATH` prints `package_hash`."""

    package_hash: Digest
    path: Path
    receipt_path: Path
    run_id: str
    format: str
    template: str | None
    size: int
    """Bytes."""
    addenda: int
    """How many addenda it holds."""
    personal_data: bool = False
    """Whether it shows the clear values behind commitments: users, addresses."""
    refreshed: str | None = None
    """What went into a new addendum before this export, in words; none where nothing had changed."""
    name: str = ""
    """The file's own name, wherever it was written to; by this its receipt and vaults know it."""
    kept: tuple[VaultFact, ...] = ()
    """What was read back of it in the vault that it was put into."""
    oms: OmsBundles = field(default_factory=OmsBundles)
    """The OMS bundles of its models, which lie in the run's own folder of packages."""

    def _repr_html_(self) -> str:
        """The package in a notebook."""
        from cognify_core.api.html import package_html

        return package_html(self)


def export_run(
    store: Store,
    ring: KeyRing,
    run_id: str,
    *,
    ledger: Ledger,
    packages: Path,
    format: str = "json",  # noqa: A002 - the word that users know
    template: str | None = None,
    path: Path | None = None,
    watch: Watch = unwatched,
) -> Package:
    """Render a sealed run and its sealed addenda, write the file, sign and keep its receipt, and write OMS bundles.

    The same inputs give the same bytes, and so the same package hash; the receipt kept is the first one signed.

    What is not what was signed is not rendered: the receipt would vouch for it.

    Raises:
        UnsupportedExportError: the pair of format and template does not exist.
        RunStateError: the run is not sealed, or by a key that is not known here.
        VerificationError: something in the store contradicts what was signed; the error carries the report.
        ConfigurationError: `path` cannot be written.
    """
    kind = export_format(format, template)
    signer = ring.signer()
    watch("reading the record")
    run, *addenda = read_sealed(store, run_id, [signer.public_key, *ring.trusted()])
    openings = clear_values(store, run, addenda) if kind.template and kind.template.shows_personal_data else None
    watch("rendering")
    data = kind.render(Dossier.of(run, addenda, openings=openings or ()), watch)
    watch("signing for it")
    name = f"{run_id}{f'.a{len(addenda)}' if addenda else ''}{f'.{template}' if template else ''}.{kind.extension}"
    target = target_of(path, packages / run_id, name)
    source = made_from(run, addenda, format, template, kind.version, openings).model_copy(
        update={"log": str(ledger.key)}
    )
    signed = seal_package(data, name, source, signer)
    receipt = store.put_receipt(
        Receipt(
            package_hash=Digest.of(data),
            run_id=run_id,
            format=format,
            template=template,
            renderer=kind.version,
            addenda=source.addenda,
            path=str(target),
            bundle=signed,
        ),
        ledger.entry(Bundle.parse(signed), signer.public_key),
    )
    receipt_path = target.with_name(target.name + RECEIPT_SUFFIX)
    write_whole(target, data)
    write_whole(receipt_path, receipt.bundle)
    bundles = write_oms([run, *addenda], packages / run_id, signer, ring.trusted())
    return Package(
        package_hash=receipt.package_hash,
        path=target,
        receipt_path=receipt_path,
        run_id=run_id,
        format=format,
        template=template,
        size=len(data),
        addenda=len(addenda),
        personal_data=openings is not None,
        name=name,
        oms=bundles,
    )


def clear_values(store: Store, run: SealedRun, addenda: Sequence[SealedRun]) -> list[Opening]:
    """The clear values, as far as they are not erased, of what the run and its addenda say of accesses and users.

    They are a function of the addenda as long as nothing is erased, so the same package can be rendered again.
    """
    wanted = personal_commitments(Dossier.of(run, addenda))
    return [each for each in store.openings(run.run_id) if each.commitment in wanted and _is_text(each.value)]


def _is_text(value: str) -> bool:
    """Whether it can be written at all: a name of the system's may be bytes of any kind."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
