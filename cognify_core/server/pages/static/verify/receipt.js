/** The receipt beside a package: was this file, byte for byte, signed for? */

import { FormatError, same } from "./canonical.js";
import { checkSignature, parseBundle } from "./envelope.js";
import { checkLedger } from "./ledger.js";
import { contradicts, holds } from "./report.js";
import { digestsOf, parseStatement } from "./statement.js";

/**
 * Check a receipt against a package's digest, and against what the package says of itself where that reads.
 *
 * @param pdf whether the package lies in a PDF, of which the template and the renderer are not read here
 */
export async function checkReceipt(receipt, digest, read, pins, logs, pdf) {
  let bundle;
  let statement;
  try {
    bundle = parseBundle(receipt);
    statement = parseStatement(bundle.payload, "receipt");
  } catch (error) {
    return [asForm(error)];
  }
  const carried = read?.run.carriedId === bundle.keyId ? read.run.publicKey : null;
  const findings = await checkReceiptSignature(bundle, statement, carried, pins, logs);
  const signed = [...new Set(digestsOf(statement).values())];
  if (signed.length !== 1 || signed[0] !== digest) {
    findings.push(contradicts("receipt_package", `the receipt is for ${signed.sort().join(", ")}, and this file is ${digest}`));
  } else if (read !== null) {
    findings.push(...(await checkContents(statement.predicate, read, pdf)));
  }
  return findings;
}

/** A receipt that does not read. Throws what is no `FormatError`. */
export function asForm(error) {
  if (!(error instanceof FormatError)) {
    throw error;
  }
  return contradicts("receipt_form", `the receipt: ${error.message}`);
}

/** Check the signature of a receipt and its place in a ledger; of one that is in none, and says so, nothing is told. */
export async function checkReceiptSignature(bundle, statement, carried, pins, logs) {
  const what = "the receipt";
  const { findings, key } = await checkSignature(bundle, carried, pins, what);
  const named = statement.predicate.log ?? null;
  if (bundle.logEntries.length || named !== null) {
    findings.push(...(await checkLedger(bundle, key, named, logs, what)));
    if (statement.subject.length !== 1) {
      findings.push(contradicts("ledger_proof", `${what}: it is for more than one file`, "ledger"));
    }
  }
  return findings.map((finding) => ({ ...finding, code: `receipt_${finding.code}` }));
}

async function checkContents(said, { value, run, addenda }, pdf) {
  let expected;
  try {
    expected = {
      run_id: run.runId,
      nonce: run.said().predicate.nonce,
      seal: await run.sealDigest(),
      addenda: await Promise.all(addenda.map((addendum) => addendum.sealDigest())),
      format: pdf ? "pdf" : "json",
      log: said.log,
      ...(pdf
        ? { template: said.template, renderer: said.renderer, openings: said.openings }
        : { template: undefined, renderer: value.renderer, openings: undefined }),
    };
  } catch (error) {
    if (error instanceof FormatError) {
      return []; // the seal or an addendum does not read, which has been reported
    }
    throw error;
  }
  const different = Object.keys(expected).filter((name) => !same(said[name], expected[name]));
  if (different.length) {
    return [contradicts("receipt_contents", `the receipt and the package disagree about: ${different.join(", ")}`)];
  }
  return [holds("receipt", "the receipt is for this very file")];
}
