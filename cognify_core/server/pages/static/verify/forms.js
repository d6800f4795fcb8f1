/**
 * Forms that values must have. A form is a function: it is given a value, and answers what is wrong with it, or nothing.
 *
 * Objects have exactly the members that their form names: one more is wrong, and so is one that says null.
 */

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{6}Z$/;
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** A text of `least` to `most` code points. */
export function text(least = 0, most = Infinity) {
  return (value) => {
    if (typeof value !== "string") {
      return "is no text";
    }
    const size = value.length <= least || value.length > most ? Array.from(value).length : value.length;
    return size < least || size > most ? "is too short or too long" : undefined;
  };
}

/** A text of a pattern. */
export function like(pattern, what) {
  return (value) => (typeof value === "string" && pattern.test(value) ? undefined : `is not ${what}`);
}

/** One of these texts. */
export function oneOf(...texts) {
  return (value) => (texts.includes(value) ? undefined : `is not one of ${texts.join(", ")}`);
}

/** A whole number that a double holds exactly. */
export function whole(least = -Infinity) {
  return (value) => (Number.isSafeInteger(value) && value >= least ? undefined : "is no such whole number");
}

/** True or false. */
export function truth(value) {
  return typeof value === "boolean" ? undefined : "is neither true nor false";
}

/** Whatever JSON can say. */
export function anything() {
  return undefined;
}

/** Whether a value is a JSON object. */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list, each item of a form. */
export function list(form, least = 0, most = Infinity) {
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      return "is no such list";
    }
    return first(value.map((item, place) => named(String(place), form(item))));
  };
}

/** An object with any keys, each value of a form. */
export function map(form) {
  return (value) =>
    isObject(value)
      ? first(Object.entries(value).map(([key, item]) => named(key.slice(0, 80), form(item))))
      : "is no object";
}

/** An object with all `needed` members, maybe some of `possible`, and no others. */
export function object(needed, possible = {}) {
  return (value) => {
    if (!isObject(value)) {
      return "is no object";
    }
    for (const key of Object.keys(needed)) {
      if (!Object.hasOwn(value, key)) {
        return named(key, "is missing");
      }
    }
    for (const key of Object.keys(value)) {
      const form = Object.hasOwn(needed, key) ? needed[key] : Object.hasOwn(possible, key) ? possible[key] : undefined;
      const wrong = form ? form(value[key]) : "is unknown";
      if (wrong) {
        return named(key.slice(0, 80), wrong);
      }
    }
    return undefined;
  };
}

/** The first complaint. */
function first(complaints) {
  return complaints.find((complaint) => complaint !== undefined);
}

function named(key, complaint) {
  return complaint === undefined ? undefined : complaint.startsWith("is ") ? `${key} ${complaint}` : `${key}.${complaint}`;
}

export const HEX128 = like(/^[0-9a-f]{32}$/, "32 hex digits");
export const HEX256 = like(/^[0-9a-f]{64}$/, "64 hex digits");
export const DIGEST = like(/^sha256:[0-9a-f]{64}$/, "a digest, sha256: and 64 hex digits");
export const RUN_ID = like(/^run_[0-9]{8}_[0-9]{6}_[0-9a-f]{5}$/, "a run's id");
export const DAY = like(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/, "a day");
export const SAID = text(1);
export const REF = text(1, 200);
export const ENDED = oneOf("COMPLETED", "FAILED", "INTERRUPTED");

/** A time with six decimals, UTC, that a calendar has. */
export function time(value) {
  const found = typeof value === "string" ? TIME.exec(value) : null;
  if (found === null) {
    return "is no time (2025-09-12T16:45:00.000000Z)";
  }
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number);
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const fits = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= MONTHS[month - 1] + Number(leap);
  return fits && hour < 24 && minute < 60 && second < 60 ? undefined : "is a time that no calendar has";
}

/** A time in whole seconds. */
export function seconds(value) {
  return typeof value === "string" ? time(`${value.slice(0, -1)}.000000${value.slice(-1)}`) : "is no time";
}

/** A number, plain or under its tag (`docs/formats.md`, Config, rule 1). */
export function number(value) {
  if (typeof value === "number") {
    return undefined;
  }
  if (isObject(value) && Object.keys(value).length === 1) {
    const { $int: digits, $float: spelt } = value;
    if (typeof digits === "string" && /^-?[0-9]{1,4300}$/.test(digits)) {
      return undefined;
    }
    if (typeof spelt === "string" && /^(?:-?(?:Infinity|[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,4})?)|NaN)$/.test(spelt)) {
      return undefined;
    }
  }
  return "is no number";
}

/** What an addendum adds to: a sealed run, and the statement that stands before it. */
export const AMENDS = object({ run_id: RUN_ID, nonce: HEX128, ordinal: whole(1), previous: DIGEST });
