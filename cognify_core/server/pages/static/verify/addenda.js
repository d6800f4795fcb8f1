/** The chain of addenda: numbered from 1 without a hole, each naming the run and the statement before it. */

import { cappedEach, contradicts } from "./report.js";
import { FormatError } from "./canonical.js";

/** What is wrong with the order and the links of the addenda of a run; nothing, if nothing is. */
export async function checkChain(run, addenda) {
  const findings = [];
  const known = new Set(await nodesOf(run));
  for (const [place, addendum] of addenda.entries()) {
    const where = `addendum ${place + 1} (${addendum.runId})`;
    findings.push(...(await checkLink(run, place ? addenda[place - 1] : run, addendum, place + 1, where)));
    findings.push(...(await checkReferences(run, addendum, known, where)));
    (await nodesOf(addendum)).forEach((id) => known.add(id));
  }
  return cappedEach(findings);
}

/** An addendum is true of a run that is not in the file, and must not pass for a run of its own. */
export function checkStandsAlone(run) {
  const amends = run.record.isWhole ? run.record.opened.amends : undefined;
  return amends ? [contradicts("addendum_alone", `this is no run of its own, but an addendum to ${amends.run_id}`)] : [];
}

async function checkLink(run, before, addendum, number, where) {
  if (!addendum.record.isWhole) {
    return []; // has been reported
  }
  const link = addendum.record.opened.amends;
  if (link === undefined) {
    return [contradicts("addendum_run", `${where}: is no addendum, but a run of its own`)];
  }
  const findings = [];
  if (link.ordinal !== number) {
    const told = `its record says that it is number ${link.ordinal}; one is missing or moved`;
    findings.push(contradicts("addendum_order", `${where}: ${told}`));
  }
  if (link.run_id !== run.runId) {
    findings.push(contradicts("addendum_run", `${where}: amends another run, ${link.run_id}`));
  }
  if (!run.record.isWhole || before.bundle instanceof FormatError) {
    return findings;
  }
  if (link.nonce !== run.record.opened.nonce) {
    const told = `amends a run of the same name with another nonce, ${link.nonce}`;
    findings.push(contradicts("addendum_run", `${where}: ${told}`));
  }
  const previous = await before.sealDigest();
  if (link.previous !== previous) {
    const told = `follows the statement ${link.previous}, and before it lies ${previous}`;
    findings.push(contradicts("addendum_previous", `${where}: ${told}`));
  }
  return findings;
}

async function checkReferences(run, addendum, known, where) {
  const prefix = `${run.runId}/`;
  const lineage = await lineageOf(addendum);
  const ends = new Set((lineage?.edges ?? []).flatMap(({ from, to }) => [from, to]));
  return [...ends]
    .filter((end) => end.startsWith(prefix) && !known.has(end.slice(prefix.length)))
    .map((end) => contradicts("addendum_input", `${where}: names ${end}, a node that the run does not have`));
}

async function nodesOf(run) {
  return ((await lineageOf(run))?.nodes ?? []).map(({ id }) => id);
}

async function lineageOf(run) {
  try {
    return run.record.isWhole ? await run.record.lineage() : null;
  } catch (error) {
    if (error instanceof FormatError) {
      return null;
    }
    throw error;
  }
}
