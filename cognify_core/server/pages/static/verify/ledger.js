/**
 * A seal's or a receipt's place in a ledger: is it there, under a head that its log signed?
 *
 * The seal names its log, so that a proof cannot be taken away or given by another log without a contradiction.
 */

import { base64, CannotCheck, cryptography, equal, hex, joined, sha256, strictBase64, utf8 } from "./bytes.js";
import { encode, FormatError } from "./canonical.js";
import { list, object, oneOf, text } from "./forms.js";
import { checkInclusion, leafHash } from "./merkle.js";
import { contradicts, holds, unchecked } from "./report.js";

const ED25519 = 1;
const MAX_NOTE = 1 << 16;
const NUMBER = /^(?:0|[1-9][0-9]{0,17})$/;
const CONTROLS = /[\u0000-\u0009\u000b-\u001f]/;
const ENTRY = object({
  canonicalizedBody: text(),
  inclusionProof: object({
    checkpoint: object({ envelope: text() }),
    hashes: list(text()),
    logIndex: text(),
    rootHash: text(),
    treeSize: text(),
  }),
  kindVersion: object({ kind: oneOf("dsse"), version: oneOf("0.0.2") }),
  logId: object({ keyId: text() }),
  logIndex: text(),
});

/** Read a log's key, one line: `<origin>+<hash>+<base64>`. Throws `FormatError` for anything else. */
export async function parseLogKey(line) {
  const written = line.replace(/\n$/, "");
  const [origin, mark, ...rest] = written.split("+");
  if (rest.length === 0 || !/^[\x21-\x2a\x2c-\x7e]+$/.test(origin)) {
    throw new FormatError("not a log's key: that is one line, <origin>+<hash>+<base64>");
  }
  const data = strictBase64(rest.join("+"));
  if (data[0] !== ED25519 || data.length !== 33) {
    throw new FormatError("not a log's key: only Ed25519 (type 1) is known here");
  }
  const id = await sha256(joined(utf8(`${origin}\n`), data));
  if (mark !== hex(id.subarray(0, 4))) {
    throw new FormatError("not a log's key: its hash is not that of its name and key");
  }
  return { origin, line: written, id, public: data.slice(1) };
}

/** Read the logs' keys that somebody pasted, one a line. Throws `FormatError`. */
export function parseLogKeys(pasted) {
  const lines = pasted.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  return Promise.all(lines.map(parseLogKey));
}

/** Check that a bundle's leaf is where the bundle says, under a head of the log that its statement names. */
export async function checkLedger(bundle, key, named, logs, what) {
  if (bundle.logEntries.length === 0) {
    return [inNone(named, what)];
  }
  if (key === null) {
    return [unchecked("ledger", `${what}: its leaf holds the signature, which could not be checked`, "ledger")];
  }
  let found;
  try {
    found = await proofOf(bundle, key, named, logs);
  } catch (error) {
    if (error instanceof CannotCheck) {
      return [unchecked("ledger_unread", `${what}: ${error.message}`, "ledger")];
    }
    if (!(error instanceof FormatError)) {
      throw error;
    }
    return [contradicts("ledger_proof", `${what}: its place in a ledger is not proved: ${error.message}`, "ledger")];
  }
  return placed(found, logs, what);
}

function inNone(named, what) {
  if (named === null) {
    return unchecked("ledger", `${what} is in no ledger`, "ledger");
  }
  const told = `names the ledger ${named.slice(0, 120)}, and the proof of its place there was taken away`;
  return contradicts("ledger_missing", `${what}: ${told}`, "ledger");
}

function placed({ proof, log }, logs, what) {
  if (log === null) {
    const told = `${what}: carries the proof of a ledger that it does not name and nobody here pinned`;
    return [unchecked("proofs", told), unchecked("ledger", `${what}: is in a ledger that is not known here`, "ledger")];
  }
  const place = `leaf ${proof.index} of ${proof.head.size} under a head of ${log.origin}`;
  if (logs.some((pin) => pin.line === log.line)) {
    return [holds("ledger", `${what}: ${place}`, "ledger")];
  }
  const told = "which the seal names and nobody here pinned; its key is";
  return [unchecked("ledger", `${what}: ${place}, ${told} ${log.line}`, "ledger")];
}

async function proofOf(bundle, key, named, logs) {
  if (bundle.logEntries.length !== 1) {
    throw new FormatError(`there are ${bundle.logEntries.length} entries, and not one`);
  }
  const proof = parseProof(bundle.logEntries[0]);
  if (!equal(proof.body, await leafBody(bundle, key))) {
    throw new FormatError("the leaf is not that of this statement, signature and key");
  }
  await checkInclusion(await leafHash(proof.body), proof.index, proof.head.size, proof.hashes, proof.head.root);
  let log = logs.find((pin) => equal(pin.id, proof.logId)) ?? null;
  if (named !== null) {
    const said = await parseLogKey(named);
    if (!equal(said.id, proof.logId)) {
      throw new FormatError(`it was signed for the ledger ${said.origin}, and the proof is of another`);
    }
    log = said;
  }
  if (log !== null) {
    await checkHead(proof.head, log);
  }
  return { proof, log };
}

/** A leaf's bytes: the body of a Rekor v2 `dsse` entry over a statement, its signature and the key. */
async function leafBody(bundle, key) {
  const verifier = { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes: base64(key.der) } };
  const payloadHash = { algorithm: "SHA2_256", digest: base64(await sha256(bundle.payload)) };
  const spec = { payloadHash, signatures: [{ content: base64(bundle.signature), verifier }] };
  return utf8(encode({ apiVersion: "0.0.2", kind: "dsse", spec: { dsseV002: spec } }));
}

function parseProof(entry) {
  const wrong = ENTRY(entry);
  if (wrong) {
    throw new FormatError(`not a ledger's proof: ${wrong}`);
  }
  const { inclusionProof: proof } = entry;
  const hashes = proof.hashes.map(strictBase64);
  const [body, logId] = [strictBase64(entry.canonicalizedBody), strictBase64(entry.logId.keyId)];
  const head = parseHead(proof.checkpoint.envelope);
  if ([...hashes, logId].some((each) => each.length !== 32)) {
    throw new FormatError("not a ledger's proof: a hash is not 32 bytes long");
  }
  const agrees = entry.logIndex === proof.logIndex && NUMBER.test(entry.logIndex);
  if (!agrees || proof.rootHash !== base64(head.root) || proof.treeSize !== String(head.size)) {
    throw new FormatError("not a ledger's proof: its parts do not agree with its head, or have another form");
  }
  return { body, index: BigInt(entry.logIndex), hashes, head, logId };
}

/** A signed note (C2SP signed-note) that is a tree head (C2SP tlog-checkpoint); nothing is verified. */
function parseHead(note) {
  const cut = note.lastIndexOf("\n\n");
  const [told, under] = [note.slice(0, cut + 1), note.slice(cut + 2)];
  const isNote = cut > 0 && under.endsWith("\n") && !CONTROLS.test(note) && utf8(note).length <= MAX_NOTE;
  const lines = told.split("\n");
  if (!isNote || lines.length !== 4) {
    throw new FormatError("not a tree head: it is no signed note of three lines");
  }
  const [origin, size, root] = lines;
  if (!/^[\x21-\x7e]+$/.test(origin) || !NUMBER.test(size)) {
    throw new FormatError("not a tree head: its origin is no log's name, or its size no number");
  }
  const bytes = strictBase64(root);
  if (bytes.length !== 32) {
    throw new FormatError("not a tree head: its root is not 32 bytes");
  }
  const signatures = under.slice(0, -1).split("\n").map(parseSignature);
  return { origin, size: BigInt(size), root: bytes, text: told, signatures };
}

function parseSignature(line) {
  const [dash, name, encoded, ...more] = line.split(" ");
  const data = encoded === undefined ? new Uint8Array() : strictBase64(encoded);
  if (dash !== "\u2014" || !name || name.includes("+") || more.length || data.length < 5) {
    throw new FormatError("not a tree head: a line under it is no signature");
  }
  return { name, data };
}

/** Check that a log signed a head; signatures of others (witnesses) are passed over. */
async function checkHead(head, log) {
  if (head.origin !== log.origin) {
    throw new FormatError(`the head is one of the log ${head.origin}, not of ${log.origin}`);
  }
  const mark = log.id.subarray(0, 4);
  const mine = head.signatures.filter(({ name, data }) => name === log.origin && equal(data.subarray(0, 4), mark));
  if (mine.length !== 1) {
    throw new FormatError(`the head carries ${mine.length} signatures of the log ${log.origin}, not one`);
  }
  let key;
  try {
    key = await cryptography().importKey("raw", log.public, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error?.name === "NotSupportedError" || error?.name === "SyntaxError") {
      throw new CannotCheck("the head of its ledger is signed with Ed25519, which this browser does not know");
    }
    throw new FormatError(`the key of the log ${log.origin} is none`);
  }
  if (!(await cryptography().verify({ name: "Ed25519" }, key, mine[0].data.subarray(4), utf8(head.text)))) {
    throw new FormatError(`the log ${log.origin} did not sign this head`);
  }
}
