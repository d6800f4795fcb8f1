/** Bytes: hashed by the browser (WebCrypto), and written as hex or as base64 with one spelling. */

import { FormatError } from "./canonical.js";

const ENCODER = new TextEncoder();
const AT_ONCE = 0x8000;

/** The browser cannot check something; nothing is said of whether it holds. */
export class CannotCheck extends Error {}

/** The browser's cryptography. Throws `CannotCheck` on pages that a browser does not give it to. */
export function cryptography() {
  const found = globalThis.crypto?.subtle;
  if (!found) {
    throw new CannotCheck(
      "the browser gives its cryptography only to pages from disk, from https or from this machine; " +
        "open cognify-verify.html from disk",
    );
  }
  return found;
}

/** The UTF-8 bytes of a text. */
export function utf8(text) {
  return ENCODER.encode(text);
}

/** SHA-256 of bytes, as bytes. */
export async function sha256(bytes) {
  return new Uint8Array(await cryptography().digest("SHA-256", bytes));
}

/** Hex SHA-256 of bytes or of a text. */
export async function hashOf(data) {
  return hex(await sha256(typeof data === "string" ? utf8(data) : data));
}

/** `sha256:<hex>` of bytes or of a text. */
export async function digestOf(data) {
  return `sha256:${await hashOf(data)}`;
}

/** Lower-case hex digits. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes that hex digits stand for. */
export function fromHex(digits) {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** One piece after the other. */
export function joined(...pieces) {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let place = 0;
  for (const piece of pieces) {
    whole.set(piece, place);
    place += piece.length;
  }
  return whole;
}

/** Whether two runs of bytes are the same. */
export function equal(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** Standard base64. */
export function base64(bytes) {
  let text = "";
  for (let place = 0; place < bytes.length; place += AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(place, place + AT_ONCE));
  }
  return btoa(text);
}

/** Decode standard base64, and only what encoding would have written. Throws `FormatError` for anything else. */
export function strictBase64(text) {
  if (typeof text !== "string" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new FormatError("not base64");
  }
  const binary = atob(text);
  const bytes = Uint8Array.from(binary, (mark) => mark.charCodeAt(0));
  if (base64(bytes) !== text) {
    throw new FormatError("not base64 in its one spelling");
  }
  return bytes;
}

/** The text that bytes are in UTF-8; null where they are none. */
export function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
