/**
 * A file, checked from its bytes alone, in the browser: no server, no network.
 *
 * Every fact in a package is computed again from the events, the bundles and the manifests that it carries, and at last
 * the whole is rendered again: a key that nobody asked about cannot say something of its own. Fails closed: whatever
 * this page cannot do, and whatever goes wrong in it, is "could not be checked".
 */

import { checkChain, checkStandsAlone } from "./addenda.js";
import { CannotCheck, digestOf, textOf } from "./bytes.js";
import { FormatError } from "./canonical.js";
import { checkDocument, documentFormat } from "./document.js";
import { carriedKey } from "./keys.js";
import { readPackage } from "./package.js";
import { evidenceOf, isPdf } from "./pdf.js";
import { checkReceipt } from "./receipt.js";
import { checkRendering } from "./rendering.js";
import { contradicts, OF_PACKAGE, OF_PDF, OF_RECEIPT, OF_RUN, Report, unchecked } from "./report.js";
import { checkRun } from "./run.js";

/** No package with more bytes is read, here or by `cognify verify`. */
export const MAX_BYTES = 1 << 26;
/** No receipt has more bytes. */
export const MAX_RECEIPT_BYTES = 1 << 20;

/**
 * Check a file's bytes.
 *
 * @param data the file's bytes
 * @param options.receipt the bytes of its receipt (`….sigstore.json`), or null
 * @param options.pins which keys are trusted
 * @param options.logs the keys of ledgers that are trusted
 * @param options.expected the package hash, where it is known from elsewhere: `sha256:<hex>`
 * @param options.progress told what is being done, how much of it, and of how much
 * @returns the report, and what it read of the package
 */
export async function verify(data, { receipt = null, pins, logs = [], expected = null, progress = () => {} }) {
  let subject = "package";
  try {
    if (data.length > MAX_BYTES) {
      return { report: tooLarge(data.length), read: null };
    }
    progress("hash", 0, 0);
    const digest = await digestOf(data);
    subject = `package ${digest}`;
    return await checked(data, digest, { receipt, pins, logs, expected, progress });
  } catch (error) {
    const said = error instanceof CannotCheck ? error.message : `something went wrong in this page: ${error?.message ?? error}`;
    return { report: new Report(subject, [unchecked("page", said)], OF_RUN), read: null };
  }
}

/** The report of a file that is not read at all. */
export function tooLarge(size) {
  const [bytes, most] = [size, MAX_BYTES].map((number) => number.toLocaleString("en"));
  const told = `${bytes} bytes are more than the ${most} that are read; nothing was checked`;
  return new Report("package", [unchecked("package_size", `${told}: \`cognify verify\` can be told to read more`)], OF_RUN);
}

async function checked(data, digest, { receipt, pins, logs, expected, progress }) {
  const findings = [];
  const kind = documentFormat(data);
  if (expected !== null && expected !== digest) {
    findings.push(contradicts("package_hash", `the ${kind ? "file" : "package"} is ${digest}, and should be ${expected}`));
  }
  const receiptText = receipt === null ? null : (textOf(receipt.subarray(0, MAX_RECEIPT_BYTES + 1)) ?? "");
  if (kind !== null) {
    const found = await checkDocument(digest, kind, receiptText, pins, logs);
    return { report: new Report(`document ${digest}`, [...findings, ...found.findings], OF_RECEIPT, found.runId), read: null };
  }
  const pdf = isPdf(data);
  const required = [...OF_PACKAGE, ...(pdf ? OF_PDF : []), ...(receipt === null ? [] : OF_RECEIPT)];
  const { read, found } = await inside(data, pdf, progress);
  findings.push(...found);
  if (read !== null) {
    const known = pins.knowing(await keysOf(read));
    findings.push(...(await checkRuns(read, known, logs, progress)));
    progress("rendering", 0, 0);
    findings.push(...(await checkRendering(read.value, read.run, read.addenda, read.text)));
    findings.push(...(pdf ? [pagesUnread()] : []));
    findings.push(...(receiptText === null ? [] : await checkReceipt(receiptText, digest, read, known, logs, pdf)));
  } else if (receiptText !== null) {
    findings.push(...(await checkReceipt(receiptText, digest, null, pins, logs, pdf)));
  }
  return { report: new Report(`package ${digest}`, findings, required, read?.run.runId ?? null), read };
}

async function inside(data, pdf, progress) {
  try {
    return { read: await readPackage(pdf ? await evidenceOf(data, MAX_BYTES) : data, progress), found: [] };
  } catch (error) {
    if (error instanceof CannotCheck && pdf) {
      return { read: null, found: [unchecked("package_form", error.message)] };
    }
    if (!(error instanceof FormatError)) {
      throw error;
    }
    return { read: null, found: [contradicts("package_form", `the package does not read: ${error.message}`)] };
  }
}

function pagesUnread() {
  const told = "the evidence inside the PDF was checked, not that its pages say the same: a browser cannot make them again";
  return unchecked("document", `${told}; \`cognify verify\` does`);
}

/** The keys that came along, where they can be used; a run remembers the id of its own. */
async function keysOf({ run, addenda }) {
  const keys = [];
  for (const each of [run, ...addenda]) {
    try {
      const key = await carriedKey(each.publicKey);
      each.carriedId = key.id;
      keys.push(key);
    } catch (error) {
      if (!(error instanceof FormatError)) {
        throw error;
      }
    }
  }
  return keys;
}

async function checkRuns({ run, addenda }, pins, logs, progress) {
  const findings = await checkRun(run, pins, logs, "", progress);
  for (const [place, addendum] of addenda.entries()) {
    findings.push(...(await checkRun(addendum, pins, logs, `addendum ${place + 1}: `, progress)));
  }
  return [...findings, ...checkStandsAlone(run), ...(await checkChain(run, addenda))];
}
