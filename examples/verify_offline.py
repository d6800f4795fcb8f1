"""Check a Cognify package without Cognify: the standard library, and `cryptography` or else the program `openssl`.

    python verify_offline.py PACKAGE --key signer.pub [--log log.vkey] [--tsa-ca ca.pem] [--receipt FILE]
Exit 0: what is told with ✓ holds, under a key that you gave. 1: something contradicts what was signed. 2: something
could not be checked. Get the key by another way than the package, and leave the receipt beside it (`.sigstore.json`).
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

with suppress(ImportError):  # without it, the program `openssl` does it
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

P256, ED25519 = map(bytes.fromhex, ("3059301306072a8648ce3d020106082a8648ce3d030107034200", "302a300506032b6570032100"))
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
IN_TOTO, BUNDLE = "application/vnd.in-toto+json", "application/vnd.dev.sigstore.bundle.v0.3+json"
SSLIB = '{"keytype":"ecdsa","keyval":{"public":"%s"},"scheme":"ecdsa-sha2-nistp256"}'
TEXT = json.JSONEncoder(ensure_ascii=False).encode


def need(condition: object, told: str) -> None:
    if not condition:
        raise ValueError(told)


def parse(data: bytes, what: str) -> Any:
    """Read JSON in the one form of RFC 8785 (the spelling of fractions, and beyond 2^53, is taken as it stands)."""
    value = json.loads(data.decode(), parse_float=lambda text: (text,), parse_constant=float)
    need(encode(value) == data, f"{what} is not canonical JSON")
    return value


def encode(value: Any) -> bytes:
    if type(value) is dict:
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return b"{%b}" % b",".join(encode(key) + b":" + encode(value[key]) for key in keys)
    if type(value) is list:
        return b"[%b]" % b",".join(map(encode, value))
    need(type(value) is not float and (type(value) is not int or abs(value) < 10**21), "a number is out of range")
    return (value[0] if type(value) is tuple else TEXT(value)).encode()


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: Any, what: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    need(b64(data) == text, f"{what} is not base64 in its one spelling")
    return data


def pem(der: bytes) -> bytes:
    lines = [b64(der)[at : at + 64] for at in range(0, len(b64(der)), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()


def read_key(text: bytes, what: str) -> bytes:
    inner = text.partition(b"-----BEGIN PUBLIC KEY-----")[2].partition(b"-----END PUBLIC KEY-----")[0]
    der = unb64(b"".join(inner.split()).decode("ascii", "replace"), what)
    need(der.startswith(P256) and len(der) == 91 and der[26] == 4, f"{what} is not an ECDSA P-256 public key")
    return der


def one_spelling(signature: bytes) -> bool:
    """Strict DER of two positive integers below the group's order, the second of them in its lower half."""
    pair = [int.from_bytes(part, "big") for part in (signature[4:][: signature[3]], signature[signature[3] + 6 :])]
    sizes = [number.bit_length() // 8 + 1 for number in pair]
    body = b"".join(bytes([2, size]) + n.to_bytes(size, "big") for n, size in zip(pair, sizes, strict=True))
    return 0 < pair[0] < ORDER and 0 < pair[1] <= ORDER // 2 and signature == bytes([0x30, len(body)]) + body


def is_signed(der: bytes, signature: bytes, message: bytes) -> bool:
    if "ec" not in globals():
        with tempfile.TemporaryDirectory() as folder:
            key, sig, text = (f"{folder}/{name}" for name in ("key", "sig", "text"))
            for path, data in ((key, pem(der)), (sig, signature), (text, message)):
                Path(path).write_bytes(data)
            how = ["pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", text, "-sigfile", sig]
            how += ["-digest", "sha256"] if der.startswith(P256) else []
            return openssl(*how).returncode == 0
    loaded: Any = serialization.load_der_public_key(der)
    with suppress(InvalidSignature, ValueError):
        loaded.verify(signature, message, *([ec.ECDSA(hashes.SHA256())] if der.startswith(P256) else []))
        return True
    return False


def openssl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False, timeout=60)


def root_of(level: list[bytes]) -> bytes:
    """The tree of RFC 6962: of an odd number the last goes up as it is."""
    while len(level) > 1:
        pairs = [sha256(b"\1" + b"".join(level[at : at + 2])).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) // 2 * 2 :]
    return level[0] if level else sha256(b"").digest()


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 6962, §2.1.1)."""
    need(bool(path) == (size > 1), "the ledger's proof is too short or too long")
    if size == 1:
        return leaf
    half, sibling = 1 << (size - 1).bit_length() - 1, path[-1]
    if index < half:
        return sha256(b"\1" + climb(leaf, index, half, path[:-1]) + sibling).digest()
    return sha256(b"\1" + sibling + climb(leaf, index - half, size - half, path[:-1])).digest()


def bundle(given: Any, text: bytes, kind: str, carried: bytes, what: str) -> tuple[Any, bytes]:
    """A bundle's statement and its bytes, when its signature and its proofs hold."""
    value = parse(text, what)
    material, hint = value["verificationMaterial"], value["verificationMaterial"]["publicKey"]["hint"]
    payload, signed = value["dsseEnvelope"]["payload"], value["dsseEnvelope"]["signatures"][0]
    sig, named = signed["sig"], {name: signed[name] for name in ("keyid",) if name in signed}
    proofs = {name: material[name] for name in ("tlogEntries", "timestampVerificationData") if name in material}
    envelope = {"payload": payload, "payloadType": IN_TOTO, "signatures": [named | {"sig": sig}]}
    form = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": hint}} | proofs}
    need(encode(value) == encode(form | {"dsseEnvelope": envelope}), f"{what} has another form than a bundle's")
    signature, data = unb64(sig, what), unb64(payload, what)
    need(one_spelling(signature), f"{what}: its signature is not in its one spelling")
    message = b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(data), data)
    ids = {key: sha256(pem(key)).hexdigest() for key in (*given.keys, carried) if key}
    der = next((key for key in ids if is_signed(key, signature, message)), None)
    need(hint == ids[der] if der else hint not in ids.values(), f"{what}: the signature of {hint!a} does not hold")
    name = sha256((SSLIB % pem(der).decode()).encode()).hexdigest() if der else named.get("keyid")
    need(named in ({}, {"keyid": name}), f"{what}: its envelope names another key than the one that signed")
    if der not in given.keys:
        given.open.append(f"{what} was signed with {hint!a}, which you did not give with --key")
    statement = parse(data, f"the statement of {what}")
    form = {"_type": "https://in-toto.io/Statement/v1", "predicateType": f"https://cognify.dev/{kind}/v1"}
    form |= {name: statement[name] for name in ("subject", "predicate")}
    need(encode(statement) == encode(form), f"{what} is no {kind}")
    log, entries = statement["predicate"].get("log"), proofs.get("tlogEntries")
    need((log is None) == (entries is None), f"{what}: a proof of its place in a ledger is missing, or too many")
    if log is not None and der is not None:
        ledger(given, entries, log, data, signature, der, what)
    if "timestampVerificationData" in proofs:
        stamps(given, proofs["timestampVerificationData"], signature, what)
    return statement, data


def ledger(given: Any, entries: Any, log: str, data: bytes, signature: bytes, der: bytes, what: str) -> None:
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": b64(der)}}
    digest = {"algorithm": "SHA2_256", "digest": b64(sha256(data).digest())}
    spec = {"payloadHash": digest, "signatures": [{"content": b64(signature), "verifier": verifier}]}
    body = encode({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": spec}})
    origin, mark, key = log.split("+", 2)
    raw = unb64(key, "the log's key")
    log_id = sha256(origin.encode() + b"\n" + raw).digest()
    need(raw[:1] == b"\1" and len(raw) == 33 and log_id[:4].hex() == mark, f"{what} names no log's key")
    path, note = entries[0]["inclusionProof"]["hashes"], entries[0]["inclusionProof"]["checkpoint"]["envelope"]
    text, line = note.split("\n\n")
    (name, size, root), index = text.split("\n"), int(entries[0]["logIndex"])
    proof = {"checkpoint": {"envelope": note}, "hashes": path, "logIndex": str(index)}
    proof |= {"rootHash": root, "treeSize": str(int(size))}
    form = {"canonicalizedBody": b64(body), "inclusionProof": proof, "logIndex": str(index)}
    form |= {"kindVersion": {"kind": "dsse", "version": "0.0.2"}, "logId": {"keyId": b64(log_id)}}
    need(encode(entries) == encode([form]) and name == origin, f"{what}: the ledger's proof is of something else")
    start = f"\u2014 {origin} "
    stamp = unb64(line.removeprefix(start).removesuffix("\n"), "the head's signature")
    need(line == f"{start}{b64(stamp)}\n" and stamp[:4] == log_id[:4], f"{what}: the head is signed by another log")
    need(is_signed(ED25519 + raw[1:], stamp[4:], f"{text}\n".encode()), f"{what}: its log did not sign this head")
    way = [unb64(each, "a hash of the proof") for each in path]
    found = climb(sha256(b"\0" + body).digest(), index, int(size), way) if 0 <= index < int(size) else b""
    need(found == unb64(root, "the root"), f"{what} does not stand in the ledger where its proof says")
    print(f"✓ {what}: leaf {index} of {size} of {origin!a}", "" if log in given.logs else "(not given with --log)")


def stamps(given: Any, told: Any, signature: bytes, what: str) -> None:
    tokens = [unb64(each["signedTimestamp"], "a timestamp") for each in told["rfc3161Timestamps"]]
    form = {"rfc3161Timestamps": [{"signedTimestamp": b64(each)} for each in tokens]}
    need(len(tokens) == len(set(tokens)) > 0 and encode(told) == encode(form), f"{what}: timestamps of another form")
    if given.tsa_ca is None:
        print(f"? {what} carries timestamps: to check them, give the authority's certificates with --tsa-ca")
    with tempfile.TemporaryDirectory() as folder:
        token, data = Path(folder, "token"), Path(folder, "data")
        data.write_bytes(signature)
        for each in tokens if given.tsa_ca else ():
            token.write_bytes(each)
            how = ["-in", str(token), "-data", str(data), "-CAfile", given.tsa_ca, "-untrusted", given.tsa_ca]
            need(openssl("ts", "-verify", *how).returncode == 0, f"{what}: a timestamp does not hold")
            when = openssl("ts", "-reply", "-in", str(token), "-text").stdout.partition("Time stamp: ")[2]
            print(f"✓ {what}: timestamp of {when.partition(chr(10))[0]!a}")


def run(given: Any, part: Any, where: str, amends: Any) -> bytes:
    """Check a run or an addendum; return its statement's bytes."""
    seal, carried = part["seal"], read_key(part["seal"]["public_key"].encode(), f"{where}the key that came along")
    need(pem(carried) == seal["public_key"].encode(), f"{where}the key that came along has another spelling")
    statement, data = bundle(given, seal["bundle"].encode(), "seal", carried, f"{where}the seal")
    events = [event.encode() for event in part["record"]["events"]]
    facts = [parse(event, f"{where}event {at}") for at, event in enumerate(events)]
    opened, closed, kinds = facts[0], facts[-1], [fact["kind"] for fact in facts]
    places = [(fact["v"], fact["seq"], fact["run_id"]) == (1, at, part["run_id"]) for at, fact in enumerate(facts)]
    ends = [kind for kind in kinds if kind in ("run_opened", "run_closed")]
    need(all(places) and ends == [kinds[0], kinds[-1]] == ["run_opened", "run_closed"], f"{where}events are misplaced")
    need(closed["counts"] == {kind: kinds.count(kind) for kind in kinds[:-1]}, f"{where}run_closed counts otherwise")
    size, root = len(events), root_of([sha256(b"\0" + event).digest() for event in events]).hex()
    record = {"format": "cognify.record/v1", "size": size, "root": root}
    claim = {name: opened[name] for name in ("run_id", "nonce", "recorder")} | {"record": record}
    claim |= {name: closed[name] for name in ("status", "complete", "reasons")}
    claim |= {"sealed_at": part["sealed_at"], "time": "claimed"} | ({"amends": amends} if amends else {})
    claim |= {"log": statement["predicate"]["log"]} if "log" in statement["predicate"] else {}
    need(encode(statement["predicate"]) == encode(claim), f"{where}the seal says something else than the record")
    need(encode(opened.get("amends")) == encode(amends), f"{where}the record amends something else")
    lineage = {name: part[name] for name in ("run_id", "status", "sealed_at", "nodes", "edges")}
    named = [("record", digest(encode(record | {"run_id": part["run_id"]}))), ("lineage", digest(encode(lineage)))]
    named += [
        (f"{each['type']}/{each['id']}", each["hash"]) for each in part["nodes"] if each["assurance"] == "content"
    ]
    found = [{"name": name, "digest": {"sha256": hash_.removeprefix("sha256:")}} for name, hash_ in named]
    need(encode(statement["subject"]) == encode(found), f"{where}what was signed is not what lies here")
    told = [part["record"], part["complete"], part["reasons"], seal["key_id"], seal["statement"], seal["time"]]
    again = [{"size": size, "root": root, "events": part["record"]["events"]}, closed["complete"]]
    again += [closed["reasons"], sha256(pem(carried)).hexdigest(), digest(data)]
    again.append("timestamped" if '"timestampVerificationData"' in seal["bundle"] else "claimed")
    need(encode(told) == encode(again), f"{where}the package says something else than what it carries")
    digests = {fact["hash"] for fact in facts if fact.get("hash") and fact.get("manifest")}
    digests |= {piece["digest"] for fact in facts for piece in fact.get("parts") or ()}
    need(part["manifests"].keys() == digests, f"{where}the manifests are not those that the record names")
    for name, text in part["manifests"].items():
        whole = text.encode() if isinstance(text, str) else unb64(text["base64"], "a manifest")
        need(digest(whole) == name, f"{where}the manifest {name} was changed")
    print(f"✓ {where}{size} events, lineage, {len(named) - 2} artifacts, {len(digests)} manifests, as they were signed")
    return data


def package(given: Any, path: Path, receipt: Path) -> None:
    if path.stat().st_size > 1 << 26:
        raise OSError(f"{path} has more than {1 << 26:,} bytes")
    data = path.read_bytes()
    print(f"  {digest(data)}  {path}")
    value, told = None, []
    if data.startswith(b"{"):
        value = parse(data, "the package")
        need(value["format"] == "cognify.package/v1" and value["template"] is None, "this is no package")
        told = [digest(run(given, value, "", None))]
        opened = parse(value["record"]["events"][0].encode(), "event 0")
        link = {name: opened[name] for name in ("run_id", "nonce")}
        for number, part in enumerate(value["addenda"], start=1):
            amends = link | {"ordinal": number, "previous": told[-1]}
            told.append(digest(run(given, part, f"addendum {number}: ", amends)))
    else:
        given.open.append("this is no JSON package: nothing inside it was looked at")
    statement, _ = bundle(given, receipt.read_bytes(), "receipt", b"", "the receipt")
    found = {"name": statement["subject"][0]["name"], "digest": {"sha256": digest(data).removeprefix("sha256:")}}
    need(statement["subject"] == [found], "the receipt is for another file")
    if value is not None:
        made = link | {"seal": told[0], "addenda": told[1:], "format": "json", "renderer": value["renderer"]}
        made |= {"log": statement["predicate"]["log"]} if "log" in statement["predicate"] else {}
        need(encode(statement["predicate"]) == encode(made), "the receipt and the package disagree")
    print("✓ the receipt is for this very file")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--key", action="append", default=[], help="a signer's public key, PEM", metavar="FILE")
    parser.add_argument("--log", action="append", default=[], help="a ledger's public key, one line", metavar="FILE")
    parser.add_argument("--tsa-ca", help="certificates of a time stamping authority, PEM", metavar="FILE")
    parser.add_argument("--receipt", type=Path, help="else the one beside the package", metavar="FILE")
    given = parser.parse_args(words, argparse.Namespace(open=[]))
    try:
        given.logs = [Path(name).read_text().strip() for name in given.log]
        given.keys = [read_key(Path(name).read_bytes(), name) for name in given.key]
        package(given, given.package, given.receipt or Path(f"{given.package}.sigstore.json"))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        print(f"✗ {type(error).__name__}: {ascii(str(error))[1:-1][:300]}\ndoes not hold")
        return 1
    except (OSError, subprocess.SubprocessError) as error:
        print(f"? {str(error)!a}\ncould not be checked")
        return 2
    for line in (*given.open, "not looked at: data and checkpoints where they lie, OMS bundles, *.evidence.json"):
        print(f"? {line}")
    print("could not be checked in full" if given.open else "holds")
    return 2 if given.open else 0


if __name__ == "__main__":
    sys.exit(main())
