/**
 * The statements that are signed: in-toto Statement v1 with three predicates.
 *
 * A *seal* speaks of a record: its subjects are the record's manifest, the lineage, and every artifact whose every byte
 * was hashed. A *receipt* speaks of one package file, a *population* of one list of runs.
 */

import { digestOf } from "./bytes.js";
import { encode, FormatError, parse, same, told } from "./canonical.js";
import { AMENDS, DAY, DIGEST, ENDED, HEX128, HEX256, RUN_ID, list, object, oneOf, seconds, text, truth, whole } from "./forms.js";
import { contradicts } from "./report.js";

const TEXT = text();
const SUBJECT = object({ name: TEXT, digest: object({ sha256: HEX256 }) });
const RECEIVED = object({ first: seconds, last: seconds, parts: whole(1) });
const SEAL = object(
  {
    run_id: RUN_ID,
    nonce: HEX128,
    status: ENDED,
    complete: truth,
    reasons: list(TEXT),
    record: object({ format: oneOf("cognify.record/v1"), size: whole(2), root: HEX256 }),
    sealed_at: seconds,
    time: oneOf("claimed"),
    recorder: TEXT,
  },
  { amends: AMENDS, log: TEXT, received: RECEIVED },
);
const RECEIPT = object(
  { run_id: RUN_ID, nonce: HEX128, seal: DIGEST, addenda: list(DIGEST), format: TEXT, renderer: TEXT },
  { template: TEXT, openings: DIGEST, log: TEXT },
);
const POPULATION = object({
  workspace: TEXT,
  since: DAY,
  until: DAY,
  made_at: seconds,
  time: oneOf("claimed"),
  runs: whole(0),
  format: TEXT,
  renderer: TEXT,
});
const PREDICATES = { seal: SEAL, receipt: RECEIPT, population: POPULATION };

/** The signed bytes of a kind of statement, read. Throws `FormatError` for anything else than its one form. */
export function parseStatement(payload, kind) {
  const value = parse(payload);
  const form = object({
    _type: oneOf("https://in-toto.io/Statement/v1"),
    predicateType: oneOf(typeOf(kind)),
    subject: list(SUBJECT, 1),
    predicate: PREDICATES[kind],
  });
  const wrong = form(value) ?? (kind === "seal" ? whatDoesNotFit(value.predicate) : undefined);
  if (wrong) {
    throw new FormatError(`not a ${kind} statement: ${wrong}`);
  }
  if (digestsOf(value).size !== value.subject.length) {
    throw new FormatError(`not a ${kind} statement: two subjects have one name`);
  }
  return value;
}

/** Whether a receipt's payload is said to speak of a list of runs. */
export function isOfPopulation(payload) {
  try {
    return parse(payload)?.predicateType === typeOf("population");
  } catch {
    return false;
  }
}

function typeOf(kind) {
  return `https://cognify.dev/${kind}/v1`;
}

function whatDoesNotFit({ received, sealed_at: sealedAt }) {
  if (received === undefined) {
    return undefined;
  }
  return received.first > received.last || received.last > sealedAt ? "received is in no order of time" : undefined;
}

/** The digest of each subject, by name. */
export function digestsOf(statement) {
  return new Map(statement.subject.map(({ name, digest }) => [name, `sha256:${digest.sha256}`]));
}

/** The five keys whose canonical form the seal signs as the subject `lineage`. */
export function lineageDocument(runId, sealedAt, { nodes, edges }) {
  return { run_id: runId, status: "AUDIT_SEALED", sealed_at: sealedAt, nodes, edges };
}

/**
 * Compare a signed seal with the statement that the record itself calls for, field by field.
 *
 * The record is whole. Throws `FormatError` where its events fold into no lineage.
 */
export async function compareWithRecord(statement, record, where) {
  const [said, findings] = [statement.predicate, []];
  const { opened, closed } = record;
  const expected = told({
    run_id: opened.run_id,
    nonce: opened.nonce,
    status: closed.status,
    complete: closed.complete,
    reasons: closed.reasons,
    record: record.summary,
    sealed_at: said.sealed_at,
    time: "claimed",
    recorder: opened.recorder,
    amends: opened.amends,
    log: said.log,
    received: said.received,
  });
  for (const field of new Set([...Object.keys(said), ...Object.keys(expected)])) {
    if (!same(said[field], expected[field])) {
      const words = `the seal says ${field} ${short(field, said[field])}, and the record ${short(field, expected[field])}`;
      findings.push(contradicts(`seal_${field}`, `${where}${words}`));
    }
  }
  const subjects = await expectedSubjects(record, said.sealed_at);
  findings.push(...compareSubjects(digestsOf(statement), new Map(subjects), where));
  const named = statement.subject.map(({ name }) => name);
  if (findings.every(({ code }) => !/^seal_(record|lineage|artifact)$/.test(code)) && !same(named, subjects.map(([name]) => name))) {
    findings.push(contradicts("seal_subjects", `${where}the seal names its subjects in another order than the record`));
  }
  return findings;
}

async function expectedSubjects(record, sealedAt) {
  const lineage = await record.lineage();
  const runId = record.opened.run_id;
  const artifacts = lineage.nodes.filter((node) => node.assurance === "content" && node.hash !== null);
  return [
    ["record", await record.digest(runId)],
    ["lineage", await digestOf(encode(lineageDocument(runId, sealedAt, lineage)))],
    ...artifacts.map((node) => [`${node.type}/${node.id}`, node.hash]),
  ];
}

function* compareSubjects(signed, found, where) {
  for (const name of [...new Set([...signed.keys(), ...found.keys()])].sort()) {
    if (signed.get(name) !== found.get(name)) {
      const code = ["record", "lineage"].includes(name) ? `seal_${name}` : "seal_artifact";
      const words = `signed ${signed.get(name) ?? "not at all"}, here ${found.get(name) ?? "not at all"}`;
      yield contradicts(code, `${where}${name}: ${words}`);
    }
  }
}

/** Compare length and root alone, for a record that does not read. */
export async function compareRawRecord(statement, record, where) {
  const { run_id: runId, record: signed } = statement.predicate;
  if ((await record.digest()) === digestsOf(statement).get("record")) {
    return [];
  }
  const told_ = `the seal was made over ${signed.size} events under the root ${signed.root} of ${runId}, and here are `;
  return [contradicts("seal_record", `${where}${told_}${record.size} under ${record.root} of ${record.runId}`)];
}

function short(field, value) {
  if (field === "record" && value) {
    return `${value.size} events under the root ${value.root}`;
  }
  const words = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return words.length <= 120 ? words : `${words.slice(0, 117)}…`;
}
