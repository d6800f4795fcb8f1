"""A time stamping authority that runs here: `openssl ts` behind HTTP, and the ways in which one can go wrong."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.installed import the
from tests.servers.answering import Answering, listening

CONFIGURATION = """
[tsa]
default_tsa = here
[here]
serial = ./serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issuer:
    """A root, or an authority below one."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def private(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def issuer(
    name: str,
    above: Issuer | None = None,
    *,
    purposes: Sequence[ObjectIdentifier] | None = None,
    critical: bool = True,
    since: timedelta = -DAY,
    until: timedelta = 365 * DAY,
) -> Issuer:
    """A certificate and its key: a root where nothing is above it, one for `purposes` where they are given."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    is_root = purposes is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(
            x509.KeyUsage(not is_root, False, False, False, False, is_root, is_root, False, False), critical=True
        )
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=critical)
    return Issuer(builder.sign(above.key if above else key, hashes.SHA256()), key)


@dataclass
class Tsa:
    """An authority: what it answers is decided by `behave`, and how often it was asked stands in `asked`."""

    folder: Path
    root: Issuer
    signer: Issuer
    url: str = ""
    behave: Callable[[Tsa, bytes], tuple[int, bytes]] = lambda tsa, query: (200, tsa.answer(query))
    asked: list[bytes] = field(default_factory=list)

    def answer(self, query: bytes) -> bytes:
        """What `openssl ts -reply` says to a query."""
        number = f"{len(self.asked)}-{threading.get_ident()}"
        (self.folder / f"{number}.tsq").write_bytes(query)
        self._openssl("-reply", "-queryfile", f"{number}.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key",
                      "-config", "tsa.cnf", "-section", "here", "-out", f"{number}.tsr")  # fmt: skip
        return (self.folder / f"{number}.tsr").read_bytes()

    def stamp(self, data: bytes) -> bytes:
        """A timestamp over some bytes, as one gets it by `openssl ts` alone."""
        (self.folder / "data").write_bytes(data)
        self._openssl("-query", "-data", "data", "-sha256", "-cert", "-out", "data.tsq")
        return self.answer((self.folder / "data.tsq").read_bytes())

    def signed_by(self, other: Issuer, data: bytes) -> bytes:
        """A timestamp that is signed with a certificate which `openssl ts` itself would refuse to use."""
        token = self.folder / "token.der"
        (self.folder / "good.tsr").write_bytes(self.stamp(data))
        self._openssl("-reply", "-in", "good.tsr", "-token_out", "-out", "token.der")
        (self.folder / "bad.pem").write_bytes(other.pem)
        (self.folder / "bad.key").write_bytes(other.private)
        self._run("cms", "-verify", "-noverify", "-inform", "DER", "-in", token, "-out", "info.der")
        self._run("cms", "-sign", "-binary", "-nodetach", "-cades", "-md", "sha256", "-outform", "DER", "-in",
                  "info.der", "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-signer", "bad.pem", "-inkey", "bad.key",
                  "-out", token)  # fmt: skip
        self._openssl("-reply", "-in", "token.der", "-token_in", "-out", "bad.tsr")
        return (self.folder / "bad.tsr").read_bytes()

    def verify(self, answer: bytes, data: bytes) -> subprocess.CompletedProcess[str]:
        """What `openssl ts -verify` says, with the root alone."""
        for name, content in (("in.tsr", answer), ("in.data", data), ("root.pem", self.root.pem)):
            (self.folder / name).write_bytes(content)
        words = ["openssl", "ts", "-verify", "-in", "in.tsr", "-data", "in.data", "-CAfile", "root.pem"]
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)

    def _openssl(self, *words: object) -> None:
        self._run("ts", *words)

    def _run(self, *words: object) -> None:
        command = ["openssl", *map(str, words)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def authority(folder: Path, name: str = "a test's authority", root: Issuer | None = None, **how: object) -> Tsa:
    """An authority that is not asked over HTTP."""
    the("openssl")
    folder.mkdir(parents=True, exist_ok=True)
    root = root or issuer(f"the root of {name}")
    signer = issuer(name, root, purposes=STAMPING, **how)  # type: ignore[arg-type]
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "tsa.pem").write_bytes(signer.pem)
    (folder / "tsa.key").write_bytes(signer.private)
    return Tsa(folder, root, signer)


@contextmanager
def served(tsa: Tsa) -> Iterator[Tsa]:
    """The authority behind HTTP, until the end of the block."""

    class Handler(Answering):
        def do_POST(self) -> None:  # noqa: N802 - http.server's own name
            query = self.rfile.read(int(self.headers["Content-Length"]))
            tsa.asked.append(query)
            assert self.headers["Content-Type"] == "application/timestamp-query"
            self.answer(*tsa.behave(tsa, query), "application/timestamp-reply")

    with listening(Handler) as url:
        tsa.url = f"{url}/tsr"
        yield tsa


def silent(tsa: Tsa, query: bytes) -> tuple[int, bytes]:
    """An authority that takes a question and is never heard of again."""
    time.sleep(30)
    return 200, b""
