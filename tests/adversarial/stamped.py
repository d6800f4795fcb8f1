"""The originals with timestamps of an authority that runs here, and packages that a forger makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.seal.authorities import Authority
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.encoding import base64_text
from cognify_core.seal.timestamps import Timestamp, timestamp_data
from cognify_core.verify.package import check_package
from cognify_core.verify.report import Finding, Report
from cognify_core.verify.timestamp_check import Clocks
from tests.adversarial.der import Element, Place
from tests.adversarial.originals import LOGS, OTHER, TRUE, Original
from tests.servers.tsa import Tsa
from tests.tamper.offline import offline
from tests.tamper.packaging import TRUSTED, edited, package

SIGNED_DATA: Place = (1, 1, 0)
INFO = (*SIGNED_DATA, 2, 1, 0, 0)
CERTIFICATE = (*SIGNED_DATA, 3, 0)
SUBJECT = (*CERTIFICATE, 0)
SIGNER = (*SIGNED_DATA, 4, 0)
NOT_SIGNED = {
    (*SIGNED_DATA, 0): "the version of the syntax",
    (*SIGNED_DATA, 1, 0): "the list of digests that occur",
    (*SIGNED_DATA, 1, 0, 1): "the empty parameters of one",
    CERTIFICATE: "a certificate that stands there twice",
    (*SIGNER, 0): "the version of the syntax",
    (*SIGNER, 2, 1): "the empty parameters of a digest",
    (*SIGNER, 4, 0): "the name of the signature's algorithm: the key has one",
}
"""What no signature covers, and decides nothing: OpenSSL does not mind either."""


@dataclass(frozen=True)
class Stamped:
    """A package whose seals are dated, and one of another run, by the same authority."""

    tsa: Tsa
    true: Original
    other: Original

    @classmethod
    def by(cls, tsa: Tsa) -> Stamped:
        """The originals as this authority dates them."""
        return cls(tsa, *(_dated(original, tsa) for original in (TRUE, OTHER)))

    @property
    def clocks(self) -> Clocks:
        """The authority is pinned, and every seal has to be dated."""
        return Clocks((Authority.parse(self.tsa.root.pem),), required=True)

    @property
    def tokens(self) -> tuple[Element, Element]:
        """The timestamps of the seal, and of that of the other run."""
        return Element.parse(token_of(self.true.run)), Element.parse(token_of(self.other.run))

    @property
    def signature(self) -> bytes:
        """What the seal's timestamp is over."""
        return self.true.run.envelope.signature

    def check(self, data: bytes, receipt: bytes | None = None) -> Report:
        """What verification says of a package's bytes."""
        report = check_package(data, trusted=TRUSTED, receipt=receipt, logs=replace(LOGS, clocks=self.clocks))
        return report.demanding_timestamp(True)

    def alone(self, data: bytes, receipt: bytes) -> int:
        """The exit code of the example, with the authority's root."""
        root = Path(self.tsa.folder, "root.pem")
        root.write_bytes(self.tsa.root.pem)
        return offline(data, TRUSTED, receipt, "--tsa-ca", str(root))

    def with_timestamps(self, *tokens: bytes) -> bytes:
        """The package with other timestamps for its seal, told anew where they read, as a careful forger would."""
        try:
            bundle = _with(self.true.run, tuple(map(Timestamp.parse, tokens)))
            return package(replace(self.true.run, bundle=bundle), self.true.addenda)
        except FormatError:
            listed = [{"signedTimestamp": base64_text(token)} for token in tokens]
            return self.with_material({"rfc3161Timestamps": listed})

    def with_material(self, new: object) -> bytes:
        """The package with something else under `timestampVerificationData`, and nothing told anew."""

        def edit(value: dict[str, dict[str, str]]) -> None:
            bundle = parse(value["seal"]["bundle"].encode())
            bundle["verificationMaterial"]["timestampVerificationData"] = new
            value["seal"]["bundle"] = encode(bundle).decode()

        return edited(self.true.package, edit)


def token_of(run: SealedRun) -> bytes:
    """The timestamp of a seal."""
    (stamp,) = run.timestamps
    return stamp.data


def _dated(original: Original, tsa: Tsa) -> Original:
    def dated(run: SealedRun) -> SealedRun:
        return replace(run, bundle=_with(run, (Timestamp.parse(tsa.stamp(run.envelope.signature)),)))

    return Original(dated(original.run), tuple(map(dated, original.addenda)), original.logged)


def _with(run: SealedRun, stamps: tuple[Timestamp, ...]) -> bytes:
    return replace(Bundle.parse(run.bundle), timestamps=timestamp_data(stamps)).encode()


def of_timestamps(report: Report) -> list[Finding]:
    """What was found of timestamps, in bundles and beside a package."""
    return [finding for finding in report.findings if finding.code in ("timestamp", "late_timestamp", "evidence")]
