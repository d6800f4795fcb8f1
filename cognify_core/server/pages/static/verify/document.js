/**
 * Documents made of a run: workbooks, bills of materials, model cards, lists of runs.
 *
 * They do not carry their record: a receipt speaks for each, and says which bytes were signed for.
 */

import { checkReceiptSignature, asForm } from "./receipt.js";
import { contradicts, holds, unchecked } from "./report.js";
import { digestsOf, isOfPopulation, parseStatement } from "./statement.js";
import { parseBundle } from "./envelope.js";

const LOOKED_AT = 1024;
/** How the first name in a workbook begins: in ours always the first of these, in one that was saved again any. */
const WORKBOOK = /^(\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/)/;

/** Which kind of document a file is by its first bytes; null for what may be a package. */
export function documentFormat(data) {
  const beginning = new TextDecoder("latin1").decode(data.subarray(0, LOOKED_AT));
  if (beginning.startsWith("PK\x03\x04") && WORKBOOK.test(beginning.slice(30))) {
    return "xlsx";
  }
  if (beginning.startsWith("---\n")) {
    return "hf-card";
  }
  return beginning.startsWith("{") && beginning.includes('"bomFormat":"CycloneDX"') ? "cyclonedx" : null;
}

/** Check a document's digest against its receipt: `{findings, runId}`. */
export async function checkDocument(digest, kind, receipt, pins, logs) {
  if (receipt === null) {
    const told = `a file of the format ${kind} does not carry its record; what tells whether it was changed is its receipt`;
    return { findings: [unchecked("document_receipt", `${told}, which was not given`)], runId: null };
  }
  let bundle;
  let statement;
  let isList;
  try {
    bundle = parseBundle(receipt);
    isList = isOfPopulation(bundle.payload);
    statement = parseStatement(bundle.payload, isList ? "population" : "receipt");
  } catch (error) {
    return { findings: [asForm(error)], runId: null };
  }
  const findings = await checkReceiptSignature(bundle, statement, null, pins, logs);
  findings.push(...checkFile(statement, digest, kind, isList));
  return { findings, runId: statement.predicate.run_id ?? null };
}

function* checkFile(statement, digest, kind, isList) {
  const said = statement.predicate;
  const signed = [...new Set(digestsOf(statement).values())];
  if (signed.length !== 1 || signed[0] !== digest) {
    yield contradicts("receipt_package", `the receipt is for ${signed.sort().join(", ")}, and this file is ${digest}`);
  } else if (said.format !== kind) {
    yield contradicts("document_format", `the receipt is for the format ${said.format}, and this file is ${kind}`);
  } else if (isList) {
    const period = `${said.runs} runs opened from ${said.since} to ${said.until}`;
    yield holds("receipt", `the receipt is for this very file, a list of ${period}, made ${said.made_at} (time claimed)`);
  } else {
    yield holds("receipt", `the receipt is for this very file, rendered from ${said.run_id} by ${said.renderer}`);
    yield holds("document_not_rendered", "not rendered again, so the receipt alone speaks for it");
  }
}
