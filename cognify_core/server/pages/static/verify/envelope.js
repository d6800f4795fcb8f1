/**
 * Sigstore bundles, v0.3: one DSSE envelope and the hint that names its key; and the signature in it.
 *
 * What is signed is the payload behind a line that tells its type and length (DSSE's PAE).
 */

import { base64, joined, strictBase64, utf8 } from "./bytes.js";
import { FormatError, parseText } from "./canonical.js";
import { isObject, list, object, oneOf, text } from "./forms.js";
import { carriedKey } from "./keys.js";
import { contradicts, holds, unchecked } from "./report.js";

const IN_TOTO = "application/vnd.in-toto+json";
const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const ANY_OBJECT = (value) => (isObject(value) ? undefined : "is no object");
const FORM = object({
  mediaType: oneOf(MEDIA_TYPE),
  verificationMaterial: object(
    { publicKey: object({ hint: text() }) },
    { tlogEntries: list(ANY_OBJECT, 1), timestampVerificationData: ANY_OBJECT },
  ),
  dsseEnvelope: object({
    payload: text(),
    payloadType: oneOf(IN_TOTO),
    signatures: list(object({ sig: text() }, { keyid: text() }), 1, 1),
  }),
});

/** Read a bundle's text. Throws `FormatError` for anything else than its one form. */
export function parseBundle(written) {
  const value = parseText(written);
  const wrong = FORM(value);
  if (wrong) {
    throw new FormatError(`not a bundle that this version reads: ${wrong}`);
  }
  const { verificationMaterial: material, dsseEnvelope: envelope } = value;
  return {
    payload: strictBase64(envelope.payload),
    signature: strictBase64(envelope.signatures[0].sig),
    keyId: material.publicKey.hint,
    dsseKeyId: envelope.signatures[0].keyid ?? null,
    logEntries: material.tlogEntries ?? [],
    timestamps: material.timestampVerificationData ?? null,
  };
}

/** The bytes that are signed: DSSE's pre-authentication encoding, with lengths in bytes. */
export function pae(payload, type = IN_TOTO) {
  return joined(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload);
}

/**
 * Check a bundle's signature, with a pinned key where one made it, else with the key that came along.
 *
 * Answers `{findings, key, pinned}`: the key that signed, null where none of those that are known here did.
 */
export async function checkSignature(bundle, carried, pins, what) {
  const findings = [];
  const key = await read(carried, what, findings);
  const message = pae(bundle.payload);
  const signed = async (each) => each.signed(bundle.signature, message);
  const signer = await find(pins.keys, signed);
  const isOfKey = signer === null && key !== null && (await signed(key));
  if (isOfKey) {
    findings.push(holds("signature", `${what}: the signature of the key that came along, ${short(key.id)}, holds`));
    findings.push(unpinned(key.id, pins, what));
  } else if (signer !== null) {
    findings.push(holds("signature", `${what}: the signature of ${short(signer.id)} holds`));
    findings.push(holds("signer", `${what}: signed with the pinned key ${short(signer.id)}`, "signer"));
  } else if (key === null && !pins.keys.some((pin) => pin.id === bundle.keyId)) {
    findings.push(unchecked("signature", `${what}: there is no key to check the signature with; it names ${short(bundle.keyId)}`));
  } else {
    findings.push(contradicts("signature", `${what}: the signature does not hold: another key, or another statement`));
  }
  findings.push(...checkTimestamps(bundle, what), ...checkNames(bundle, signer, key, what));
  return { findings, key: signer ?? (isOfKey ? key : null), pinned: signer !== null };
}

async function read(carried, what, findings) {
  if (carried === null) {
    return null;
  }
  try {
    return await carriedKey(carried);
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error;
    }
    findings.push(contradicts("public_key", `${what}: the key that came along cannot be used: ${error.message}`));
    return null;
  }
}

function* checkNames(bundle, signer, key, what) {
  const true_ = signer ?? key;
  if (true_ !== null && bundle.keyId !== true_.id) {
    yield contradicts("key_id", `${what}: names the key ${short(bundle.keyId)}, not ${short(true_.id)}`);
  }
  if (true_ !== null && bundle.dsseKeyId !== null && bundle.dsseKeyId !== true_.dsseId) {
    yield contradicts("key_id", `${what}: its envelope names another key than the one that signed`);
  }
  if (signer !== null && key !== null && key.id !== signer.id) {
    yield contradicts("public_key", `${what}: the key that came along, ${short(key.id)}, is not the one that signed`);
  }
}

/** Timestamps are in a form that this page does not read: it says so, and then the whole is not checked to the end. */
function* checkTimestamps(bundle, what) {
  if (bundle.timestamps === null) {
    return;
  }
  try {
    const count = timestampCount(bundle.timestamps);
    const told = `${what}: carries ${count === 1 ? "a timestamp" : `${count} timestamps`}, which a browser cannot check`;
    yield unchecked("timestamp", `${told}: \`cognify verify\` and \`openssl ts -verify\` can`, "anchor");
  } catch (error) {
    yield contradicts("timestamp", `${what}: ${error.message}`, "anchor");
  }
}

function timestampCount(value) {
  const form = object({ rfc3161Timestamps: list(object({ signedTimestamp: text(1) }), 1, 16) });
  if (form(value)) {
    throw new FormatError("not timestamps: not a list of one to 16 under `rfc3161Timestamps`, and nothing else");
  }
  const found = value.rfc3161Timestamps.map((each) => base64(strictBase64(each.signedTimestamp)));
  if (new Set(found).size < found.length) {
    throw new FormatError("not timestamps: one of them stands there twice");
  }
  if (found.some((each) => strictBase64(each)[0] !== 0x30)) {
    throw new FormatError("not a timestamp: it is no DER sequence");
  }
  return found.length;
}

function unpinned(id, pins, what) {
  const among = pins.count ? `which is none of the ${pins.count} pinned keys` : "and no key is pinned";
  return unchecked(
    "signer",
    `${what}: signed with ${id}, ${among}; if the signer gave you that id by another way, pin it; else take this for a forgery`,
    "signer",
  );
}

async function find(items, test) {
  for (const item of items) {
    if (await test(item)) {
      return item;
    }
  }
  return null;
}

/** The beginning of a key's id. */
export function short(id) {
  return `${id.slice(0, 16)}…`;
}
