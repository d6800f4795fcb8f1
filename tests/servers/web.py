"""A web server on loopback with a page for each way in which one can go wrong."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOTES = b"text,label\nno acute distress,0\n"
ETAG, MODIFIED = '"9f3a"', "Wed, 10 Sep 2025 08:00:00 GMT"


class Web:
    """The server; where it is, and what it was asked for.

    Args:
        folder: where to lay the certificate, `ca.pem`, of one that speaks TLS.
    """

    def __init__(self, folder: Path | None = None) -> None:
        asked = self.asked = list[str]()
        let_go = self.let_go = threading.Event()
        """Until then the page `held` gives nothing."""

        class Pages(_Pages):
            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

            def held(self) -> None:
                let_go.wait(600)
                self.notes_csv()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.server.daemon_threads = True
        self.scheme = "http" if folder is None else "https"
        if folder is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate(folder))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"


def certificate(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(private + made.public_bytes(pem))
    return folder / "ca.pem"


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = self.path.partition("?")[0].strip("/").replace("-", "_").replace(".", "_")
        getattr(self, page, self.nothing)()

    def notes_csv(self) -> None:
        self._give(NOTES, ETag=ETAG, **{"Last-Modified": MODIFIED})

    def large(self) -> None:
        self._give(b"x" * 5000)

    def endless(self) -> None:
        self._begin(200)
        while True:
            self.wfile.write(b"x" * 1000)

    def slow(self) -> None:
        self._begin(200, **{"Content-Length": "1000"})
        for _ in range(1000):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def silent(self) -> None:
        time.sleep(600)

    def cut_short(self) -> None:
        self._begin(200, **{"Content-Length": "10"})
        self.wfile.write(b"12345")

    def to(self) -> None:
        self._begin(302, Location=self.path.partition("?")[2] or self.path)

    def nothing(self) -> None:
        self._begin(404)

    def _give(self, data: bytes, **headers: str) -> None:
        self._begin(200, **{"Content-Length": str(len(data))}, **headers)
        self.wfile.write(data)

    def _begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def handle_one_request(self) -> None:
        """As always; whoever asked may be gone by the time that the answer comes."""
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's own name
        pass


@contextmanager
def web(folder: Path | None = None) -> Iterator[Web]:
    """A server for as long as the block; with TLS where there is a folder for its certificate."""
    one = Web(folder)
    threading.Thread(target=one.server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
