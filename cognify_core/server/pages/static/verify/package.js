/** A package's bytes, read: from the file to the sealed runs that it was rendered from. Nothing is believed. */

import { textOf } from "./bytes.js";
import { FormatError, parseText } from "./canonical.js";
import { RUN_ID, isObject, list, object, oneOf, text } from "./forms.js";
import { readRun } from "./run.js";

const MANIFEST_NAME = /^sha256:[0-9a-f]{64}$/;
const MANIFEST = object({ base64: text() });
const NEEDED = {
  run_id: RUN_ID,
  record: having({ events: list(text()) }),
  seal: having({ bundle: text(), public_key: text() }),
  manifests,
};
const RUN = having(NEEDED);
const PACKAGE = having({
  ...NEEDED,
  format: oneOf("cognify.package/v1"),
  renderer: text(),
  addenda: list(RUN),
});

/** What a package needs is looked at here; what else may stand in it is compared with a rendering. */
function having(needed) {
  return (value) => {
    if (!isObject(value)) {
      return "is no object";
    }
    const present = Object.keys(needed).filter((key) => Object.hasOwn(value, key));
    return object(needed)(Object.fromEntries(present.map((key) => [key, value[key]])));
  };
}

function manifests(value) {
  if (!isObject(value)) {
    return "is no object";
  }
  for (const [name, data] of Object.entries(value)) {
    if (!MANIFEST_NAME.test(name) || (typeof data !== "string" && MANIFEST(data))) {
      return "is no map from digests to manifests";
    }
  }
  return undefined;
}

/** Read a package's bytes: `{value, text, run, addenda}`. Throws `FormatError` where they are no package's. */
export async function readPackage(bytes, progress) {
  const written = textOf(bytes);
  if (written === null) {
    throw new FormatError("not JSON: its bytes are not UTF-8");
  }
  const value = parseText(written);
  const wrong = PACKAGE(value);
  if (wrong) {
    throw new FormatError(`not a package: ${wrong}`);
  }
  const run = await readRun(value, progress);
  const addenda = [];
  for (const part of value.addenda) {
    addenda.push(await readRun(part, progress));
  }
  return { value, text: written, run, addenda };
}
