/**
 * RFC 8785 canonical JSON: one way to write it, one strict way to read it.
 *
 * `parse` refuses what JSON readers disagree about (keys that stand twice, lone surrogates, numbers that no double
 * holds, deep nesting, white space, another order), because it refuses every text that is not what `encode` writes.
 */

export const MAX_DEPTH = 100;
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

/** Something is not written in the form that it should have. */
export class FormatError extends Error {}

/** Read bytes as canonical JSON. Throws `FormatError` for anything else. */
export function parse(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError("not JSON: its bytes are not UTF-8");
  }
  return parseText(text);
}

/** Read a text as canonical JSON. Throws `FormatError` for anything else. */
export function parseText(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`not JSON: ${error.message}`);
  }
  if (encode(value) !== text) {
    throw new FormatError("not canonical JSON (RFC 8785): a key stands twice, or it is written in another way");
  }
  return value;
}

/** Write a value as canonical JSON. Throws `FormatError` where that cannot be. */
export function encode(value) {
  return written(value, 0);
}

function written(value, depth) {
  if (depth >= MAX_DEPTH) {
    throw new FormatError(`not acceptable JSON: it is nested deeper than ${MAX_DEPTH} levels`);
  }
  if (typeof value === "string") {
    return quoted(value);
  }
  if (value === null || typeof value === "boolean") {
    return String(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) {
      throw new FormatError("not acceptable JSON: a number does not fit a double");
    }
    return String(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => written(item, depth + 1)).join(",")}]`;
  }
  if (typeof value !== "object") {
    throw new FormatError("cannot be written as JSON");
  }
  const keys = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 §3.2.3 has it
  return `{${keys.map((key) => `${quoted(key)}:${written(value[key], depth + 1)}`).join(",")}}`;
}

function quoted(text) {
  if (LONE_SURROGATE.test(text)) {
    throw new FormatError("not acceptable JSON: a lone surrogate in a string");
  }
  return JSON.stringify(text);
}

/** Whether two values are one: as bytes, so that true does not pass for 1. */
export function same(one, other) {
  return one === other || (one !== undefined && other !== undefined && encode(one) === encode(other));
}

/** An object without the members that say nothing, as our statements and events are written. */
export function told(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
}

/** Strings in the order of their code points, which is not that of UTF-16. */
export function byCodePoints(one, other) {
  const [left, right] = [Array.from(one), Array.from(other)];
  for (let place = 0; place < Math.min(left.length, right.length); place += 1) {
    const difference = left[place].codePointAt(0) - right[place].codePointAt(0);
    if (difference !== 0) {
      return difference;
    }
  }
  return left.length - right.length;
}
