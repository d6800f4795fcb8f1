/**
 * The flat rows of a package (`grc_records`): one for each event that documents cite, and one for each seal.
 *
 * No seal speaks of them, so they are made here once more from what the seals do speak of.
 */

import { isArtifact } from "./events.js";

const TITLE = 160;
const FRAMEWORK = "SOC 2 (TSP section 100)";
const LEFT_OUT = new Set(["metrics", "link", "shards", "rank_left", "phase", "rank_joined"]);
const CRITERIA = new Map(
  Object.entries({
    run_opened: "CC2.1; PI1.1; PI1.3",
    run_closed: "CC2.1; PI1.3",
    dataset: "CC8.1; PI1.2",
    config: "CC7.1; CC8.1; PI1.1",
    checkpoint: "CC6.7; PI1.4; PI1.5",
    base_model: "CC9.2; PI1.2",
    model: "PI1.4",
    evaluation: "CC8.1; PI1.4",
    environment: "CC7.1; CC8.1",
    code: "CC7.1; CC8.1",
    note: "CC2.1",
    attestation: "CC8.1",
    release: "CC8.1",
    profile: "CC2.1; PI1.1",
    access: "CC6.1; CC6.2; CC6.3; CC7.2",
    gap: "CC2.1; CC7.3",
    failure: "CC7.3; CC7.4",
    seal: "CC2.1; CC7.1; PI1.5",
  }),
);
const TITLES = {
  run_opened: (event) => cut(`run of project ${event.project}${event.name ? `, called ${event.name}` : ""}`),
  run_closed: (event) => `ended ${event.status}, ${event.complete ? "complete" : "not complete"}`,
  note: (event) => cut(`${event.note_kind}: ${event.text}`),
  attestation: (event) => cut(`${event.form || "attestation"}: ${event.claim}`),
  release: (event) => cut(`released, ran by ${event.ran_by}`),
  access: (event) => cut(`${event.action}, ${event.outcome}`),
  gap: (event) => cut(`${event.subject}: ${event.reason}`),
  failure: (event) => cut(`${event.where}: ${event.error}`),
};

/**
 * The rows of a run and its addenda, in the order of the record, then the seals.
 *
 * A row whose status cannot be told here has the status null. The records are whole and fold.
 */
export async function flatRows(run, addenda) {
  const all = [run, ...addenda];
  const ids = await Promise.all(all.map(async ({ record }) => (await record.lineage()).ids));
  const fed = datasetsOf(all, ids);
  const rows = all.flatMap((each, addendum) =>
    each.record.parsed
      .filter((event) => !LEFT_OUT.has(event.kind))
      .map((event) => rowOf(event, { run, each, addendum, ids: ids[addendum], fed })),
  );
  const seals = await Promise.all(all.map((each, addendum) => rowOfSeal(run, each, addendum)));
  return [...rows, ...seals];
}

function rowOf(event, { run, each, addendum, ids, fed }) {
  const base = addendum === 0 ? "" : `/addenda/${addendum - 1}`;
  return {
    record_id: `${each.runId}/${event.seq}`,
    record_type: event.kind,
    title: isArtifact(event) ? cut(ids.get(event.ref)) : (TITLES[event.kind]?.(event) ?? event.kind.replaceAll("_", " ")),
    framework: FRAMEWORK,
    control_ref: CRITERIA.get(event.kind) ?? "",
    status: statusOf(event, fed),
    evidence_ref: `${base}/record/events/${event.seq}`,
    sha256: (event.hash ?? event.evidence ?? "").replace(/^sha256:/, ""),
    occurred_at: event.at ?? event.time,
    actor: cut(event.approved_by ?? event.by ?? event.actor ?? each.record.opened.recorder),
    run_id: run.runId,
  };
}

async function rowOfSeal(run, each, addendum) {
  const { record } = each.said().predicate;
  return {
    record_id: `${each.runId}/seal`,
    record_type: "seal",
    title: `${record.size} events under the Merkle root ${record.root}`,
    framework: FRAMEWORK,
    control_ref: CRITERIA.get("seal"),
    status: "RECORDED",
    evidence_ref: addendum === 0 ? "/seal" : `/addenda/${addendum - 1}/seal`,
    sha256: (await each.sealDigest()).slice("sha256:".length),
    occurred_at: each.said().predicate.sealed_at,
    actor: each.record.opened.recorder,
    run_id: run.runId,
  };
}

function statusOf(event, fed) {
  switch (event.kind) {
    case "gap":
      return "GAP";
    case "attestation":
      return isVoid(event, fed) ? "VOID" : "ATTESTED";
    case "release":
      return "ATTESTED";
    case "note":
    case "profile":
      return "DECLARED";
    case "evaluation":
      return statusOfEvaluation(event);
    default:
      return statusOfAssurance(event);
  }
}

function statusOfAssurance(event) {
  return { declared: "DECLARED", unresolved: "GAP" }[event.assurance] ?? "RECORDED";
}

/**
 * What an evaluation's facts say of how it was made counts where they have their form. Whether they have it is not
 * computed here: it only matters for what is called declared and is not of that assurance, which nothing of ours records.
 */
function statusOfEvaluation(event) {
  const said = event.facts.form === "cognify.evaluation/v1" ? event.facts.how : undefined;
  const status = statusOfAssurance(event);
  const isOpen = said === "declared" || (said !== undefined && typeof said !== "string");
  return isOpen && status !== "DECLARED" ? null : status;
}

/** Whether an attestation is bound to datasets, and the run was fed others: sources count, and so do addenda. */
function isVoid(event, fed) {
  if (event.datasets === undefined) {
    return false;
  }
  const covered = new Set(event.datasets);
  return fed.some((dataset) => !covered.has(dataset.hash));
}

function datasetsOf(all, ids) {
  const seen = new Set();
  return all.flatMap(({ record }, addendum) =>
    record.parsed.filter((event) => {
      const key = event.kind === "dataset" ? `${addendum} ${ids[addendum].get(event.ref)}` : null;
      const isNew = key !== null && !seen.has(key);
      seen.add(key);
      return isNew;
    }),
  );
}

function cut(text) {
  if (text.length <= TITLE) {
    return text;
  }
  const marks = Array.from(text);
  return marks.length <= TITLE ? text : `${marks.slice(0, TITLE - 1).join("")}…`;
}
