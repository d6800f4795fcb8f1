"""The seal certificate: what was signed, by which key, what its age rests on, and how to check it without us."""

from __future__ import annotations

from textwrap import wrap

from cognify_core.errors import FormatError
from cognify_core.export.document.blocks import Block, Callout, Facts, Prose, Section, Verbatim
from cognify_core.export.document.cells import count, moment, mono, plain
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.dossier import Dossier
from cognify_core.export.seal_facts import SealFacts
from cognify_core.seal.ledger_proof import LedgerProof

ADDENDA = 20
"""Addenda whose seals are printed in full."""
_WIDTH = 76
_CLOCKS = {"claimed": "the signer's own clock", "timestamped": "what the signer's clock said, and see below"}


def seal_certificate(dossier: Dossier) -> tuple[Section, ...]:
    """The run's seal, those of its addenda, and the commands that check them."""
    if not dossier.seals:
        return (Section("Seal certificate", (Callout("This record is not sealed: nothing here is signed.", "alarm"),)),)
    lead = Prose(
        "A seal is an in-toto statement in a DSSE envelope, signed with ECDSA P-256. It covers the Merkle root of the "
        "record's events (RFC 6962), the lineage, and the digest of every artifact that was read in full.",
        dossier.evidence_of("seal"),
    )
    left = len(dossier.seals) - 1 - ADDENDA
    more = (Prose(f"The seals of {count(left, 'further addendum', 'further addenda')} stand in evidence.json."),)
    return (
        Section("Seal certificate", (lead, *(more if left > 0 else ()))),
        *(_seal(dossier, seal) for seal in dossier.seals[: ADDENDA + 1]),
        _how_to_verify(dossier),
    )


def _seal(dossier: Dossier, seal: SealFacts) -> Section:
    said = "seal" if seal.addendum == 0 else f"seal of addendum {seal.addendum}"
    evidence = dossier.evidence_of(said)
    rows = (
        ("Record", mono(seal.run_id, *evidence)),
        ("Merkle root", mono(seal.root)),
        ("Events", plain(count(seal.size))),
        ("Sealed at", plain(f"{moment(seal.sealed_at)} (time {seal.time}: {_CLOCKS[seal.time]})")),
        ("Statement", mono(seal.statement)),
        ("Key id", mono(seal.key_id)),
        ("Anchored by", plain(anchored_by(seal))),
    )
    signature = (Prose("Signature (base64, DER)."), Verbatim("\n".join(wrap(seal.signature, _WIDTH))))
    blocks = (Facts(rows), *_key(dossier, seal), *signature, *_ledger(seal))
    return Section("Seal of the run" if seal.addendum == 0 else f"Seal of addendum {seal.addendum}", blocks, level=2)


def _key(dossier: Dossier, seal: SealFacts) -> tuple[Block, ...]:
    if seal.addendum and seal.public_key == dossier.seals[0].public_key:
        return (Prose("The public key is that of the run's seal."),)
    warning = "Public key. A key that is found in a document proves nothing by itself: compare its id by another way."
    return (Prose(warning), Verbatim(seal.public_key.strip()))


def _ledger(seal: SealFacts) -> tuple[Block, ...]:
    """The proof that the seal stands in a ledger: the leaf's place, the path to the root, and the head over it."""
    if not seal.log_entries:
        return ()
    try:
        proof = LedgerProof.parse(seal.log_entries[0])
    except FormatError as error:
        return (Callout(f"What stands here of a ledger does not read: {error}", "alarm"),)
    head = proof.head.head
    rows = (
        ("Ledger", mono(seal.log or "the seal names none")),
        ("Leaf", plain(f"number {proof.index:,}, counted from 0, of {head.size:,}")),
        ("Root of the ledger", mono(head.root.hex())),
    )
    path = "\n".join(each.hex() for each in proof.hashes) or "none: the leaf is the only one"
    return (
        Facts(rows),
        Prose("Inclusion proof (RFC 6962), from the leaf to the root."),
        Verbatim(path),
        Prose("Head that the ledger signed for it (C2SP signed note)."),
        Verbatim(proof.head.note.decode()),
    )


def _how_to_verify(dossier: Dossier) -> Section:
    said = "Its first line prints the key id. 'Verified OK' and 'record OK' say that the record is what was signed."
    if dossier.addenda:
        said += ' For addendum n, write sealed["addenda"][n - 1] where the commands say sealed.'
    blocks: tuple[Block, ...] = (
        Prose("Take evidence.json out of this document, and the signer's public key, as signer.pub, from the signer."),
        Prose("With Cognify: exit code 0 says that the record is intact and the key one that you trust."),
        Verbatim("cognify verify evidence.json --key signer.pub"),
        Prose("Without it, with sha256sum, openssl, and Python as a reader of JSON:"),
        Verbatim(BY_HAND),
        Prose(said),
    )
    return Section("How to verify", blocks, level=2)


BY_HAND = """\
sha256sum signer.pub
python3 - <<'PY'
import base64, json
sealed = json.load(open("evidence.json", encoding="utf-8"))
envelope = json.loads(sealed["seal"]["bundle"])["dsseEnvelope"]
statement = base64.b64decode(envelope["payload"])
kind = envelope["payloadType"].encode()
signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)
signature = base64.b64decode(envelope["signatures"][0]["sig"])
for name, data in ("statement.json", statement), ("signed.bin", signed), ("signature.der", signature):
    open(name, "wb").write(data)
PY
sha256sum statement.json
openssl dgst -sha256 -verify signer.pub -signature signature.der signed.bin
python3 - <<'PY'
import hashlib, json
def root(leaves):
    if len(leaves) == 1:
        return hashlib.sha256(b"\\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\\1" + root(leaves[:half]) + root(leaves[half:])).digest()
sealed = json.load(open("evidence.json", encoding="utf-8"))
record = json.load(open("statement.json", encoding="utf-8"))["predicate"]["record"]
events = [event.encode() for event in sealed["record"]["events"]]
assert len(events) == record["size"] and root(events).hex() == record["root"], "not what was signed"
print("record OK:", record["root"])
PY
"""
"""For Linux with coreutils. A test runs it as it stands."""
