/** One sealed run, or addendum: its events, its seal, its manifests. */

import { base64, digestOf, strictBase64, textOf, utf8 } from "./bytes.js";
import { FormatError, parse } from "./canonical.js";
import { checkSignature, parseBundle } from "./envelope.js";
import { checkLedger } from "./ledger.js";
import { inPieces } from "./pace.js";
import { checkEvents, readRecord } from "./record.js";
import { cappedEach, contradicts, holds, unchecked } from "./report.js";
import { compareRawRecord, compareWithRecord, parseStatement } from "./statement.js";

/** A sealed run, or a sealed addendum, as it was read from a package; nothing of it is believed. */
export class SealedRun {
  constructor(part, record, manifests) {
    this.runId = part.run_id;
    this.value = part;
    this.record = record;
    this.manifests = manifests;
    this.publicKey = part.seal.public_key;
    this.bundle = attempt(() => parseBundle(part.seal.bundle));
    this.statement = attempt(() => parseStatement(this.opened().payload, "seal"));
  }

  /** The seal's bundle. Throws `FormatError` where it is none. */
  opened() {
    return given(this.bundle);
  }

  /** What the seal's statement says. Throws `FormatError` where there is none. */
  said() {
    return given(this.statement);
  }

  /** The digest by which other statements name this seal. Throws `FormatError` where there is none. */
  sealDigest() {
    return digestOf(this.opened().payload);
  }
}

function attempt(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) {
      return error;
    }
    throw error;
  }
}

function given(found) {
  if (found instanceof FormatError) {
    throw found;
  }
  return found;
}

/** Read a run out of its part of a package. Throws `FormatError` where a manifest is not in its one spelling. */
export async function readRun(part, progress) {
  const manifests = new Map(Object.entries(part.manifests).map(([name, data]) => [name, manifestBytes(data)]));
  return new SealedRun(part, await readRecord(part.run_id, part.record.events, progress), manifests);
}

function manifestBytes(data) {
  if (typeof data === "string") {
    return utf8(data);
  }
  try {
    return strictBase64(data.base64);
  } catch (error) {
    throw new FormatError(`not a package: a manifest: ${error.message}`);
  }
}

/** A manifest as a package holds it: its text, or base64 where it is none. */
export function manifestJson(bytes) {
  return textOf(bytes) ?? { base64: base64(bytes) };
}

/** Everything that can be said of one sealed run from its own bytes. */
export async function checkRun(run, pins, logs, where, progress) {
  const aboutRecord = checkEvents(run.record, where);
  const { isWhole, size } = run.record;
  const findings = aboutRecord.length
    ? aboutRecord
    : [holds("record", `${where}${size} events, each in its place, from opening to closing`)];
  const readable = isWhole && !aboutRecord.some(({ code }) => code === "event_run");
  findings.push(...(await checkSeal(run, pins, logs, where, readable)));
  return readable ? [...findings, ...(await checkManifests(run, where, progress))] : findings;
}

async function checkSeal(run, pins, logs, where, readable) {
  const what = `${where}the seal`;
  if (run.bundle instanceof FormatError) {
    return [contradicts("bundle_form", `${what}: ${run.bundle.message}`)];
  }
  const { findings, key, pinned } = await checkSignature(run.bundle, run.publicKey, pins, what);
  if (run.statement instanceof FormatError) {
    return [...findings, contradicts("statement_form", `${what}: ${run.statement.message}`)];
  }
  const { statement } = run;
  let found;
  try {
    const compare = readable ? compareWithRecord : compareRawRecord;
    found = cappedEach(await compare(statement, run.record, where), where);
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error;
    }
    found = [contradicts("lineage_form", `${where}${error.message}`)];
  }
  if (found.length === 0 && readable) {
    const artifacts = statement.subject.length - 2;
    found = [holds("seal", `${where}record, lineage and ${artifacts} artifacts are what was signed`)];
  }
  const placed = await checkLedger(run.bundle, key, statement.predicate.log ?? null, logs, what);
  placed.push(...checkReceived(statement.predicate.received, pinned, what));
  const all = [...findings, ...found, ...placed];
  return [...all, ...noAnchor(statement, [...findings, ...placed], where)];
}

/** What a signer says that received the record while it was written: its word, as far as it is known here. */
function* checkReceived(received, pinned, what) {
  if (received !== undefined) {
    const told =
      `${what}: remote record: whoever signed had its first event at ${received.first} and its last at ` +
      `${received.last}, in ${received.parts} parts`;
    yield pinned ? holds("received", told, "anchor") : unchecked("received", told, "anchor");
  }
}

function* noAnchor(statement, findings, where) {
  if (!findings.some(({ section }) => section === "anchor")) {
    const told = `nothing but the signer's clock dates the seal; time: ${statement.predicate.time}`;
    yield unchecked("anchor", `${where}${told}`, "anchor");
  }
}

async function checkManifests(run, where, progress) {
  const named = run.record.manifests;
  const missing = [...named].filter(([name]) => !run.manifests.has(name));
  const findings = missing.map(([name, form]) =>
    contradicts("manifest_missing", `${where}the manifest ${name} (${form}) is not here`),
  );
  const checked = await inPieces(
    [...run.manifests],
    ([name, data]) => checkManifest(name, data, named.get(name), where),
    (done) => progress("manifests", done, run.manifests.size),
  );
  findings.push(...checked.filter(Boolean));
  if (findings.length) {
    return cappedEach(findings, where);
  }
  return [holds("manifests", `${where}${named.size} manifests, each with the digest that the record names`)];
}

async function checkManifest(name, data, form, where) {
  const what = `${where}the manifest ${name}`;
  const digest = await digestOf(data);
  if (digest !== name) {
    return contradicts("manifest_bytes", `${what} was changed: its digest is ${digest}`);
  }
  if (form === undefined) {
    return contradicts("manifest_stray", `${what} is not named by the record`);
  }
  return hasFormat(data, form) ? null : contradicts("manifest_format", `${what} is not ${form}, as the record says`);
}

/** Whether a manifest names its own format: in its first line, or as canonical JSON under `format`. */
function hasFormat(data, form) {
  if (data[0] === 0x23) {
    const end = data.indexOf(0x0a);
    return textOf(end < 0 ? data : data.subarray(0, end)) === `# ${form}`;
  }
  try {
    const value = parse(data);
    return typeof value === "object" && value !== null && !Array.isArray(value) && value.format === form;
  } catch (error) {
    if (error instanceof FormatError) {
      return false;
    }
    throw error;
  }
}
