/** A package against its own rendering: what it says beside its record must be what its record says. */

import { carriedKey } from "./keys.js";
import { encode, FormatError, same } from "./canonical.js";
import { gapsOf } from "./lineage.js";
import { capped, contradicts, holds, unchecked } from "./report.js";
import { flatRows } from "./rows.js";
import { manifestJson } from "./run.js";
import { isObject } from "./forms.js";
import { lineageDocument } from "./statement.js";

const RENDERERS = ["cognify-json/1", "cognify-json/2"];
const NAMED_LISTS = ["nodes", "edges", "gaps", "grc_records"];
const NOTHING = "nothing";

/** Render a package's inputs again, and name what in it is otherwise. */
export async function checkRendering(value, run, addenda, text) {
  if (!RENDERERS.includes(value.renderer)) {
    const told = `rendered by ${value.renderer.slice(0, 80)}, which this page does not know; it knows ${RENDERERS.join(", ")}`;
    return [unchecked("package_renderer", told)];
  }
  let expected;
  try {
    expected = await documentOf(value, run, addenda);
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error;
    }
    const told = "the package cannot be rendered again, for what it is made from does not hold";
    return [unchecked("package", `${told}: ${error.message}`)];
  }
  const open = leaveOpen(value, expected);
  if (encode(expected) !== text) {
    const found = differences(value, expected, "");
    return found.length ? found : [contradicts("package", "the package is not its rendering")];
  }
  if (open.length) {
    return [unchecked("package_open", `what the package says could not be computed here: ${open.join(", ")}`)];
  }
  return [holds("package", "the package is, byte for byte, what it carries renders to")];
}

async function documentOf(value, run, addenda) {
  const told = {
    format: "cognify.package/v1",
    renderer: value.renderer,
    schema: "https://cognify.dev/schema/package-v1.json",
    template: null,
    ...(await runDocument(run)),
    addenda: await Promise.all(addenda.map(runDocument)),
  };
  return value.renderer === "cognify-json/1" ? told : { ...told, grc_records: await flatRows(run, addenda) };
}

async function runDocument(run) {
  const { record } = run;
  if (!record.isWhole) {
    throw new FormatError("the record is not whole");
  }
  const named = record.manifests;
  if (named.size !== run.manifests.size || [...named.keys()].some((name) => !run.manifests.has(name))) {
    throw new FormatError("the manifests are not those that the record names");
  }
  const said = run.said().predicate;
  return {
    ...lineageDocument(record.opened.run_id, said.sealed_at, await lineageOf(record)),
    run_id: run.runId,
    complete: record.closed.complete,
    reasons: record.closed.reasons,
    gaps: gapsOf(record.parsed),
    record: { size: record.size, root: record.root, events: run.value.record.events },
    seal: await sealDocument(run, said),
    manifests: Object.fromEntries([...run.manifests].map(([name, bytes]) => [name, manifestJson(bytes)])),
  };
}

async function lineageOf(record) {
  const { nodes, edges } = await record.lineage();
  return { nodes, edges };
}

async function sealDocument(run, said) {
  const isTimestamped = run.opened().timestamps !== null;
  return {
    anchor: isTimestamped ? null : said.received ? [{ kind: "remote record", ...said.received }] : [],
    bundle: run.value.seal.bundle,
    key_id: (await carriedKey(run.publicKey)).id,
    public_key: run.publicKey,
    statement: await run.sealDigest(),
    time: isTimestamped ? "timestamped" : said.time,
  };
}

/** Take from the package what could not be computed here, so that the rest is compared; answer what that was. */
function leaveOpen(value, expected) {
  const open = [];
  const parts = [[value, expected, ""], ...expected.addenda.map((part, place) => [value.addenda[place], part, `addendum ${place + 1}: `])];
  for (const [found, part, where] of parts) {
    if (part.seal.anchor === null && Array.isArray(found.seal?.anchor)) {
      part.seal.anchor = found.seal.anchor;
      open.push(`${where}what its timestamps tell (seal.anchor)`);
    }
  }
  (expected.grc_records ?? []).forEach((row, place) => {
    const status = value.grc_records?.[place]?.status;
    if (row.status === null && ["DECLARED", "RECORDED", "GAP"].includes(status)) {
      row.status = status;
      open.push(`the status of row ${place} (grc_records)`);
    }
  });
  return open;
}

function differences(found, expected, where) {
  return [...new Set([...Object.keys(found), ...Object.keys(expected)])].sort().flatMap((key) => {
    if (!Object.hasOwn(expected, key)) {
      return [contradicts("package_key", `${where}holds a key that no package of its renderer has: ${key.slice(0, 80)}`)];
    }
    if (!Object.hasOwn(found, key)) {
      return [contradicts(`package_${key}`, `${where}${key} is missing`)];
    }
    if (key === "addenda") {
      return expected.addenda.flatMap((part, place) => differences(found.addenda[place], part, `addendum ${place + 1}: `));
    }
    const lines = told(key, found[key], expected[key]);
    return capped(lines.map((line) => contradicts(`package_${key}`, `${where}${line}`)), where);
  });
}

/** One line for each part of a value that differs. */
function told(key, found, expected) {
  if (isObject(found) && isObject(expected)) {
    const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])].sort();
    const of = (value, name) => (Object.hasOwn(value, name) ? value[name] : NOTHING);
    return names.flatMap((name) => line(`${key}.${name}`, of(found, name), of(expected, name)));
  }
  if (NAMED_LISTS.includes(key) && Array.isArray(found) && Array.isArray(expected)) {
    const places = Array.from({ length: Math.max(found.length, expected.length) }, (_, place) => place);
    return places.flatMap((place) => line(`${key} ${place}`, found[place] ?? NOTHING, expected[place] ?? NOTHING));
  }
  return line(key, found, expected);
}

function line(name, found, expected) {
  return same(found, expected) ? [] : [`${name}: the package says ${short(found)}, and what it carries says ${short(expected)}`];
}

function short(value) {
  const text = encode(value);
  return text.length <= 160 ? text : `${text.slice(0, 157)}…`;
}
