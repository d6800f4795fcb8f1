from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError, VerificationError
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.dsse import IN_TOTO, pae
from tests.factories import OTHER_SIGNER, SIGNER, sealed_run

SCHEMAS = Path(__file__).parents[3] / "shared" / "vectors" / "oms-schemas" / "v1.0"


def changed(**parts: Any) -> bytes:
    """A bundle's bytes with members of its parts replaced."""
    value = parse(Bundle.signed(b"{}", SIGNER).encode())
    for path, new in parts.items():
        *above, last = path.split("__")
        part = value
        for name in above:
            part = part[name]
        part[last] = new
    return encode(value)


def test_pae_is_that_of_the_dsse_specification() -> None:
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_encode_and_parse_are_inverses_and_the_payload_stays_as_it_was(payload: bytes) -> None:
    bundle = Bundle.signed(payload, SIGNER)
    assert Bundle.parse(bundle.encode()) == bundle
    assert bundle.payload == payload
    bundle.verify(SIGNER.public_key)
    with pytest.raises(VerificationError, match="did not sign"):
        bundle.verify(OTHER_SIGNER.public_key)


def test_a_bundle_has_sigstores_own_names() -> None:
    value = json.loads(Bundle.signed(b"{}", SIGNER).encode())
    assert value["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert value["verificationMaterial"] == {"publicKey": {"hint": SIGNER.public_key.key_id}}
    assert value["dsseEnvelope"]["payloadType"] == IN_TOTO
    assert value["dsseEnvelope"].keys() == {"payload", "payloadType", "signatures"}


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the OMS schemas lie beside the repository, and are not here")
def test_a_bundle_is_valid_under_the_schema_of_open_model_signing() -> None:
    schema = json.loads((SCHEMAS / "bundle.schema.json").read_text())
    schema["properties"]["dsseEnvelope"] = json.loads((SCHEMAS / "envelope.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(sealed_run().bundle))


@pytest.mark.parametrize(
    "forged",
    [
        changed(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"),
        changed(dsseEnvelope__payloadType="text/plain"),
        changed(dsseEnvelope__signatures=[]),
        changed(dsseEnvelope__signatures=[{"sig": "AA=="}, {"sig": "AA=="}]),
        changed(dsseEnvelope__signatures=[{"sig": "AA==", "keyid": 1}]),
        changed(dsseEnvelope__surprise=1),
        changed(dsseEnvelope__payload=1),
        changed(verificationMaterial__certificate={}),
        changed(verificationMaterial={}),
        changed(verificationMaterial__tlogEntries=[]),
        changed(surprise=None),
    ],
)
def test_what_is_not_exactly_a_bundle_is_refused(forged: bytes) -> None:
    with pytest.raises(FormatError, match="not a bundle that this version reads"):
        Bundle.parse(forged)


@pytest.mark.parametrize("text", ["e30", "e30=\n", " e30=", "e31=", "e-0=", "é"])
def test_base64_is_strict(text: str) -> None:
    with pytest.raises(FormatError, match="not base64"):
        Bundle.parse(changed(dsseEnvelope__payload=text))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"{", Bundle.signed(b"{}", SIGNER).encode() + b"\n"])
def test_other_json_is_no_bundle(data: bytes) -> None:
    with pytest.raises(FormatError, match="not"):
        Bundle.parse(data)


def test_proofs_that_others_put_in_are_kept_as_they_are() -> None:
    data = changed(
        verificationMaterial__tlogEntries=[{"logIndex": "7"}],
        verificationMaterial__timestampVerificationData={"rfc3161Timestamps": [{"signedTimestamp": "AA=="}]},
    )
    bundle = Bundle.parse(data)
    assert bundle.log_entries == ({"logIndex": "7"},)
    assert bundle.timestamps == {"rfc3161Timestamps": [{"signedTimestamp": "AA=="}]}
    assert bundle.encode() == data


def test_openssl_verifies_a_seal_with_nothing_of_ours(tmp_path: Path) -> None:
    """The three lines that the guide gives to auditors: payload, encoding, signature."""
    run = sealed_run()
    envelope = json.loads(run.bundle)["dsseEnvelope"]
    payload = b64decode(envelope["payload"])
    (tmp_path / "pae").write_bytes(b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload)
    (tmp_path / "signature").write_bytes(b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "signer.pub").write_bytes(run.public_key)
    command = ["openssl", "dgst", "-sha256", "-verify", "signer.pub", "-signature", "signature", "pae"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"Verified OK\n"
    (tmp_path / "pae").write_bytes((tmp_path / "pae").read_bytes().replace(b"COMPLETED", b"COMPLETES"))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_sigstores_base64_is_the_standard_alphabet() -> None:
    payload = bytes(range(256))
    assert json.loads(Bundle.signed(payload, SIGNER).encode())["dsseEnvelope"]["payload"] == b64encode(payload).decode()
