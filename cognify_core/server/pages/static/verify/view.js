/** A report as people read it: the verdict in words, what to do next, four things apart, what the package says. */

import { element, plain, sentence } from "./shown.js";

const WORDS = { ok: "holds", contradiction: "does not hold", unchecked: "not checked" };
const MARKS = { ok: "✓", contradiction: "✗", unchecked: "?" };
const BADGES = { ok: "badge badge-good", contradiction: "badge badge-bad", unchecked: "badge badge-warn" };
const QUESTIONS = {
  intact: "Do bytes, record, lineage and signature agree?",
  signer: "Is the key that signed one that you pinned?",
  ledger: "Does the seal stand in a ledger that you know?",
  anchor: "What does its age rest on?",
};
const SHAPES = [
  "M5 12.5l4.5 4.5L19 7.5",
  "M6.5 6.5l11 11M17.5 6.5l-11 11",
  "M9 9.2a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.3-1.6 2.5M12 17.6v.3",
];
const MOST_OF_ADDENDUM = 3;

/** What a report comes to, in one line. */
export function inWords(report) {
  if (report.names("package_form") && report.exitCode === 1) {
    return "Does not hold: this is no package, or a damaged one";
  }
  if (report.exitCode === 1) {
    return "Does not hold: what is there contradicts what was signed";
  }
  if (report.exitCode === 0) {
    return report.subject.startsWith("document ")
      ? "Holds: the file is, byte for byte, what a key that you pinned signed a receipt for"
      : "Holds: intact, and sealed by a key that you pinned";
  }
  if (report.verdict("intact") === "ok" && report.verdict("signer") !== "ok") {
    return "Intact, but the signer is not known here: could not be checked to the end";
  }
  return report.hasOpenProof && report.verdict("intact") === "ok"
    ? "Intact, and sealed by a key that you pinned, but not all proofs were read: could not be checked to the end"
    : "Could not be checked to the end";
}

/** What to do now. */
export function nextStep(report) {
  if (report.exitCode === 1) {
    return "Stop, and ask whoever gave it to you. What contradicts what was signed is named below.";
  }
  if (report.exitCode === 0) {
    return "What nobody can see from a file: whether the machine told the truth before the seal, and whether other runs were left out.";
  }
  if (report.names("package_size") || report.names("page")) {
    return "Check it with `cognify verify`.";
  }
  if (report.names("document_receipt")) {
    return "Ask whoever gave you the file for its receipt, and choose both.";
  }
  if (report.names("signer") || report.names("receipt_signer") || report.names("receipt_signature")) {
    return "Ask the signer for the public key by another way than the package, and paste it above: until then, take this for a forgery.";
  }
  return "What is marked with a question mark below could not be checked here; `cognify verify` can.";
}

/** Show a report, and what was read of the package, in a place that is empty. */
export function show(place, report, read, name, buttons) {
  const shape = icon(SHAPES[report.exitCode]);
  const words = element("div", {}, element("h2", { id: "verdict" }, inWords(report)), next(report));
  const wrong = report.contradictions;
  place.replaceChildren(
    element("div", { class: `verdict verdict-${report.exitCode}` }, shape, words),
    ...(wrong.length ? [contradictions(wrong)] : []),
    element("div", { class: "sections" }, ...Object.keys(QUESTIONS).map((section) => sectionCard(report, section))),
    factsCard(report, read, name),
    element("p", { class: "actions" }, ...buttons),
  );
}

function next(report) {
  const paragraph = element("p");
  paragraph.append(sentence(nextStep(report)));
  return paragraph;
}

function icon(path) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round" };
  Object.entries(attributes).forEach(([key, value]) => shape.setAttribute(key, value));
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", `${path}M12 1.8a10.2 10.2 0 1 1 0 20.4a10.2 10.2 0 1 1 0-20.4`);
  shape.append(line);
  return shape;
}

function contradictions(wrong) {
  const title = element("h3", { id: "wrong" }, wrong.length === 1 ? "What does not hold" : `What does not hold (${wrong.length})`);
  return element("section", { class: "card card-bad", "aria-labelledby": "wrong" }, title, findingList(wrong));
}

function sectionCard(report, section) {
  const verdict = report.verdict(section);
  const title = element("h3", { id: `section-${section}` }, section);
  const badge = element("span", { class: BADGES[verdict] }, `${MARKS[verdict]} ${WORDS[verdict]}`);
  const card = { class: "card", "aria-labelledby": `section-${section}`, "data-section": section, "data-verdict": verdict };
  const found = report.findings.filter((finding) => finding.section === section && finding.verdict !== "contradiction");
  const body = found.length ? findingList(together(found)) : element("p", { class: "muted" }, "Nothing was found out.");
  return element("section", card, element("header", {}, title, badge), element("p", { class: "hint" }, QUESTIONS[section]), body);
}

/** The many lines of an addendum that holds are one: their number says it all. */
function together(findings) {
  const groups = [];
  for (const finding of findings) {
    const name = /^addendum \d+: /.exec(finding.message)?.[0] ?? "";
    const last = groups.at(-1);
    if (name && last?.name === name) {
      last.findings.push(finding);
    } else {
      groups.push({ name, findings: [finding] });
    }
  }
  return groups.flatMap(({ name, findings: alike }) =>
    name && alike.length > MOST_OF_ADDENDUM && alike.every(({ verdict }) => verdict === "ok")
      ? [{ verdict: "ok", message: `${name}${alike.length} checks of the same kinds hold` }]
      : alike,
  );
}

function findingList(findings) {
  const items = findings.map(({ verdict, message }) => {
    const words = element("span");
    words.append(sentence(message));
    const mark = element("span", { class: "mark", "aria-hidden": "true" }, MARKS[verdict]);
    return element("li", { class: verdict }, mark, element("span", {}, element("span", { class: "hidden" }, `${WORDS[verdict]}: `), words));
  });
  return element("ul", { class: "findings" }, ...items);
}

function factsCard(report, read, name) {
  const believed = report.verdict("intact") === "ok" && report.verdict("signer") === "ok";
  const rows = [["File", name], ["SHA-256", report.subject.replace(/^[a-z]+ ?/, "") || "not computed"], ...(read ? factsOf(read) : [])];
  const listed = rows.flatMap(([term, said]) => [element("dt", {}, term), element("dd", {}, code(term, said))]);
  const told = believed ? "As it was signed." : "This is what the file says; until it holds, none of it is to be believed.";
  return element(
    "section",
    { class: "card", "aria-labelledby": "facts" },
    element("h3", { id: "facts" }, "What the file says of itself"),
    element("p", { class: "hint" }, told),
    element("dl", { class: "facts" }, ...listed),
  );
}

function code(term, said) {
  return ["SHA-256", "Merkle root", "Key"].includes(term) ? element("code", { class: "whole" }, said) : plain(said);
}

function factsOf({ run, addenda, value }) {
  const { opened, closed, size, root } = run.record;
  return [
    ["Run", run.runId],
    ...(opened ? [["Project", opened.project], ...(opened.name ? [["Name", opened.name]] : []), ["Opened", opened.time]] : []),
    ...(closed ? [["Ended", `${closed.status}, ${closed.complete ? "complete" : "not complete"}`]] : []),
    ["Sealed", `${value.sealed_at} by ${run.carriedId ? "the key below" : "a key that cannot be used"}`],
    ...(run.carriedId ? [["Key", run.carriedId]] : []),
    ["Events", String(size)],
    ["Merkle root", root],
    ["Artifacts", String(Array.isArray(value.nodes) ? value.nodes.length : 0)],
    ["Gaps", String(Array.isArray(value.gaps) ? value.gaps.length : 0)],
    ["Addenda", String(addenda.length)],
    ["Rendered by", value.renderer],
  ];
}
