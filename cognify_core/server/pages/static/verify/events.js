/**
 * Events: the facts of a record, each canonical JSON, told apart by `kind`.
 *
 * One event has one text. What an event may say stands in `KINDS`: the members that it needs, those that it may have,
 * and what they must say together. A kind or a member that is unknown here is refused.
 */

import { digestOf } from "./bytes.js";
import { encode, FormatError, parseText } from "./canonical.js";
import {
  AMENDS,
  DAY,
  DIGEST,
  ENDED,
  HEX128,
  REF,
  RUN_ID,
  SAID,
  anything,
  list,
  map,
  number,
  object,
  oneOf,
  text,
  time,
  truth,
  whole,
} from "./forms.js";

const TEXT = text();
const FACTS = map(anything);
const STREAM = "cognify.stream/v1";
const ROWS = "cognify.rows/v1";
const ENVELOPE = { v: (value) => (value === 1 ? undefined : "is not 1"), run_id: RUN_ID, seq: whole(0), time };

const ARTIFACT = {
  ref: REF,
  id: REF,
  at: time,
  assurance: oneOf("content", "sampled", "declared", "unresolved"),
  inputs: list(REF),
  facts: FACTS,
};
const OF_ARTIFACT = { reason: TEXT, hash: DIGEST, manifest: TEXT, location: TEXT };
const PART = object({ rank: whole(0), worker: whole(0), pass: whole(0), digest: DIGEST, rows: whole(0) });

/** The kinds of artifacts, with what each node says beside type, id, hash, timestamp and assurance. */
const ARTIFACTS = {
  dataset: {
    needed: { name: TEXT, role: TEXT, schema_version: TEXT, schema_version_defaulted: truth, provenance: FACTS },
    possible: { record_count: whole(0), parts: list(PART) },
    fields: (body) => ({
      record_count: body.record_count ?? null,
      role: body.role,
      schema_version: body.schema_version,
    }),
  },
  config: {},
  checkpoint: { needed: { step: whole(0) }, fields: (body) => ({ step: body.step }) },
  base_model: { needed: { name: TEXT } },
  model: { possible: { step: whole(0) }, fields: (body) => (body.step === undefined ? {} : { step: body.step }) },
  evaluation: {
    needed: { name: TEXT, results: map(number) },
    possible: { step: whole(0) },
    fields: (body) => ({ results: body.results, ...(body.step === undefined ? {} : { step: body.step }) }),
  },
  environment: {},
  code: {},
};

const OTHERS = {
  run_opened: [
    { nonce: HEX128, workspace: TEXT, project: TEXT, tags: map(TEXT), recorder: TEXT },
    { name: TEXT, amends: AMENDS },
  ],
  link: [{ source: REF, target: REF, why: TEXT }],
  phase: [{ phase: TEXT, facts: FACTS }],
  metrics: [{ points: list(point, 1, 50) }, { tracker: TEXT }],
  note: [{ text: SAID, note_kind: TEXT }, { subject: TEXT }],
  attestation: [
    { claim: SAID, by: SAID, role: SAID },
    { meaning: TEXT, evidence: DIGEST, on: DAY, form: TEXT, subject: TEXT, datasets: list(DIGEST), facts: FACTS },
  ],
  profile: [{ project: TEXT, profile: FACTS }],
  release: [
    { approved_by: SAID, role: SAID, ran_by: SAID, on: DAY },
    { meaning: TEXT, market_date: DAY, supersedes: RUN_ID },
  ],
  access: [
    { at: time, action: SAID, actor: DIGEST, outcome: oneOf("allowed", "refused", "failed"), observed_by: oneOf("server", "machine") },
    { subject: TEXT, source: DIGEST, auth: TEXT },
  ],
  gap: [{ subject: TEXT, reason: TEXT, owner: TEXT }, { mend: TEXT }],
  failure: [{ where: TEXT, error: TEXT }],
  rank_joined: [{ rank: whole(0), world_size: whole(1) }],
  shards: [
    { rank: whole(0), ref: REF, id: REF, step: whole(0), at: time, location: TEXT, left: list(TEXT), inputs: list(REF), facts: FACTS },
    { hash: DIGEST, manifest: TEXT, reason: TEXT },
  ],
  rank_left: [{ rank: whole(0), status: ENDED, reasons: list(TEXT) }],
  run_closed: [{ status: ENDED, complete: truth, reasons: list(TEXT), counts: map(whole()) }],
};

/** The form of the events of each kind. */
export const KINDS = new Map([
  ...Object.entries(ARTIFACTS).map(([kind, { needed, possible }]) => [
    kind,
    formOf(kind, { ...ARTIFACT, ...needed }, { ...OF_ARTIFACT, ...possible }),
  ]),
  ...Object.entries(OTHERS).map(([kind, [needed, possible]]) => [kind, formOf(kind, needed, possible)]),
]);

function formOf(kind, needed, possible = {}) {
  return object({ ...ENVELOPE, kind: oneOf(kind), ...needed }, possible);
}

function point(value) {
  if (!Array.isArray(value) || value.length !== 3) {
    return "is no point";
  }
  return whole()(value[0]) ?? TEXT(value[1]) ?? number(value[2]);
}

/** Read an event's text. Throws `FormatError` where it is no event, or not the one way to write it. */
export async function parseEvent(written) {
  const event = parseText(written);
  const form = KINDS.get(event?.kind);
  if (form === undefined) {
    throw new FormatError(`not an event: its kind ${short(event?.kind)} is unknown here`);
  }
  const wrong = form(event) ?? whatDoesNotFit(event) ?? (await whatDoesNotFitItsParts(event));
  if (wrong) {
    throw new FormatError(`not an event: ${wrong}`);
  }
  return event;
}

/** Whether an event becomes a node of the lineage. */
export function isArtifact(event) {
  return Object.hasOwn(ARTIFACTS, event.kind);
}

/** What the node of an artifact says of its own kind. */
export function nodeFields(event) {
  return ARTIFACTS[event.kind].fields?.(event) ?? {};
}

/** The manifests that an event names, as pairs of digest and format. */
export function manifestsOf(event) {
  const named = (event.parts ?? []).map((part) => [part.digest, ROWS]);
  const has = (isArtifact(event) || event.kind === "shards") && event.hash !== undefined && event.manifest;
  return has ? [...named, [event.hash, event.manifest]] : named;
}

function whatDoesNotFit(event) {
  if (event.kind === "run_closed" && event.complete === event.reasons.length > 0) {
    return "an incomplete record has reasons, and a complete one has none";
  }
  if (!isArtifact(event)) {
    return undefined;
  }
  if ((event.assurance === "unresolved") !== (event.reason !== undefined)) {
    return "an unresolved artifact has a reason, and no other has one";
  }
  if (["content", "sampled"].includes(event.assurance) && event.hash === undefined) {
    return `an artifact of assurance ${event.assurance} has a hash`;
  }
  return event.assurance === "unresolved" && event.hash !== undefined ? "an unresolved artifact has no hash" : undefined;
}

async function whatDoesNotFitItsParts(event) {
  if (event.kind !== "dataset" || (event.parts === undefined && event.manifest !== STREAM)) {
    return undefined;
  }
  if (event.parts === undefined || event.manifest !== STREAM) {
    return `the parts of a stream belong to the format ${STREAM}`;
  }
  for (let place = 1; place < event.parts.length; place += 1) {
    if (!comesBefore(event.parts[place - 1], event.parts[place])) {
      return "the parts of a stream are listed once each, by rank, worker and pass";
    }
  }
  const digest = await digestOf(encode({ format: STREAM, parts: event.parts }));
  return digest === event.hash ? undefined : "the digest of a stream is that of its parts' list";
}

function comesBefore(one, other) {
  const key = ["rank", "worker", "pass"].find((name) => one[name] !== other[name]);
  return key !== undefined && one[key] < other[key];
}

function short(value) {
  return JSON.stringify(value)?.slice(0, 80);
}
