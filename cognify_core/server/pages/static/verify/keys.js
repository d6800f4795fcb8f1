/** ECDSA P-256 public keys, and which of them somebody here has pinned. A key from a package proves nothing. */

import { base64, cryptography, fromHex, hashOf, hex, strictBase64 } from "./bytes.js";
import { FormatError } from "./canonical.js";

const PREFIX = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
const SIZE = PREFIX.length + 65;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const BLOCK = /-----BEGIN PUBLIC KEY-----([\s\S]*?)-----END PUBLIC KEY-----/g;
const ID = /^(?:sha256:)?([0-9a-f]{64})$/i;

/** A public key, as the one PEM text that OpenSSL writes for it. Make one with `keyOf` or `carriedKey`. */
class PublicKey {
  constructor(pem, der, id, dsseId, usable) {
    Object.assign(this, { pem, der, id, dsseId, usable });
    Object.freeze(this);
  }

  /** Whether it made a DER signature (ECDSA, SHA-256) over a message; a signature has one spelling here. */
  async signed(signature, message) {
    const raw = rawSignature(signature);
    return raw !== null && cryptography().verify({ name: "ECDSA", hash: "SHA-256" }, this.usable, raw, message);
  }
}

/** The key of a SubjectPublicKeyInfo. Throws `FormatError` where it is none of the curve P-256. */
export async function keyOf(der) {
  if (der.length !== SIZE || hex(der.subarray(0, PREFIX.length)) !== hex(PREFIX) || der[PREFIX.length] !== 4) {
    throw new FormatError("it is no ECDSA P-256 key (SubjectPublicKeyInfo with an uncompressed point)");
  }
  let usable;
  try {
    usable = await cryptography().importKey("spki", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  } catch (error) {
    if (error?.name === "NotSupportedError" || !(error instanceof DOMException)) {
      throw error;
    }
    throw new FormatError("it is no point of the curve P-256");
  }
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64(der).replace(/.{64}(?=.)/g, "$&\n")}\n-----END PUBLIC KEY-----\n`;
  const form = `{"keytype":"ecdsa","keyval":{"public":"${pem}"},"scheme":"ecdsa-sha2-nistp256"}`;
  return new PublicKey(pem, der, await hashOf(pem), await hashOf(form), usable);
}

/** The key of a PEM text in its one spelling, as packages carry it. Throws `FormatError` for anything else. */
export async function carriedKey(pem) {
  const [block] = pem.matchAll(BLOCK);
  const key = await keyOf(strictBase64(block ? block[1].replaceAll("\n", "") : "?"));
  if (key.pem !== pem) {
    throw new FormatError("a public key is not in the one PEM spelling of its kind");
  }
  return key;
}

/** What somebody pinned: keys that came as PEM, and ids of keys that a package may carry. */
export class Pins {
  constructor(keys = [], ids = []) {
    Object.assign(this, { keys, ids });
  }

  /** How many there are. */
  get count() {
    return this.keys.length + this.ids.length;
  }

  /** These pins, in which an id counts for the key that it is of, where that came along. */
  knowing(carried) {
    const found = carried.filter((key) => this.ids.includes(key.id) && !this.keys.some((known) => known.id === key.id));
    const unique = found.filter((key, place) => found.findIndex((other) => other.id === key.id) === place);
    return new Pins([...this.keys, ...unique], this.ids.filter((id) => !unique.some((key) => key.id === id)));
  }

  /** Read what somebody pasted: PEM public keys in any spelling, and ids of 64 hex digits. Throws `FormatError`. */
  static async parse(text) {
    const keys = [];
    for (const block of text.matchAll(BLOCK)) {
      try {
        keys.push(await keyOf(strictBase64(block[1].replace(/\s/g, ""))));
      } catch (error) {
        throw error instanceof FormatError ? new FormatError(`the pinned key cannot be used: ${error.message}`) : error;
      }
    }
    const words = text.replace(BLOCK, " ").split(/[\s,;]+/).filter(Boolean);
    const wrong = words.find((word) => !ID.test(word));
    if (wrong !== undefined) {
      throw new FormatError(
        `“${wrong.slice(0, 40)}” is neither a PEM public key (-----BEGIN PUBLIC KEY-----) nor a key's id of 64 hex digits`,
      );
    }
    return new Pins(keys, [...new Set(words.map((word) => ID.exec(word)[1].toLowerCase()))]);
  }
}

/** The two numbers of a DER signature, 32 bytes each; null where it is not strict DER, or s is not the lower one. */
export function rawSignature(der) {
  if (der.length < 8 || der[0] !== 0x30 || der[1] !== der.length - 2 || der[1] >= 0x80) {
    return null;
  }
  const first = integerAt(der, 2);
  const second = first && integerAt(der, first.end);
  if (!second || second.end !== der.length || first.value >= ORDER || second.value > ORDER / 2n) {
    return null;
  }
  return fromHex([first, second].map(({ value }) => value.toString(16).padStart(64, "0")).join(""));
}

/** A positive INTEGER in its one DER spelling, and where it ends; null where there is none. */
function integerAt(der, place) {
  const size = der[place + 1];
  const bytes = der.subarray(place + 2, place + 2 + size);
  const isShort = der[place] === 2 && size >= 1 && size <= 33 && bytes.length === size;
  if (!isShort || bytes[0] & 0x80 || (size > 1 && bytes[0] === 0 && !(bytes[1] & 0x80))) {
    return null;
  }
  const value = BigInt(`0x${hex(bytes)}`);
  return value === 0n ? null : { value, end: place + 2 + size };
}
