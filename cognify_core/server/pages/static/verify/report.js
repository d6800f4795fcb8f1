/**
 * What a verification found: four sections, kept apart, and one exit code, as `cognify verify` has them.
 *
 * *intact*: bytes, record, lineage and signature agree. *signer*: the key that signed is one that you pinned. *ledger*
 * and *anchor*: what the seal's place and age rest on. A section holds only where every check that it needs was made
 * and held.
 */

export const SECTIONS = ["intact", "signer", "ledger", "anchor"];
const DECISIVE = ["intact", "signer"];
const MOST_NAMED = 20;

/** The checks that must have been made and held, as `section:code`. */
export const OF_RUN = ["intact:record", "intact:seal", "intact:signature", "intact:manifests", "signer:signer"];
export const OF_PACKAGE = [...OF_RUN, "intact:package"];
export const OF_PDF = ["intact:document"];
export const OF_RECEIPT = ["intact:receipt", "intact:receipt_signature", "signer:receipt_signer"];

/** A check that was made and held. */
export function holds(code, message, section = "intact") {
  return { code, section, verdict: "ok", message };
}

/** Something that contradicts what was signed, or itself. */
export function contradicts(code, message, section = "intact") {
  return { code, section, verdict: "contradiction", message };
}

/** A check that could not be made. */
export function unchecked(code, message, section = "intact") {
  return { code, section, verdict: "unchecked", message };
}

/** The first of many findings of one kind, and how many more there are. */
export function capped(findings, where = "") {
  if (findings.length <= MOST_NAMED) {
    return findings;
  }
  const rest = contradicts(findings[0].code, `${where}and ${findings.length - MOST_NAMED} more like these`);
  return [...findings.slice(0, MOST_NAMED), rest];
}

/** Findings by code, of each code the first ones: a hostile record must not bury the report. */
export function cappedEach(findings, where = "") {
  const byCode = new Map();
  for (const finding of findings) {
    byCode.set(finding.code, byCode.get(finding.code) ?? []);
    byCode.get(finding.code).push(finding);
  }
  return [...byCode.values()].flatMap((alike) => capped(alike, where));
}

/** Everything found about one file. */
export class Report {
  /**
   * @param subject what was looked at, as in `package sha256:…`
   * @param findings what was found
   * @param required the checks that must have held, as `section:code`
   * @param runId as the package says; null where that could not be read
   */
  constructor(subject, findings, required, runId = null) {
    Object.assign(this, { subject, findings, required, runId });
  }

  /** One section's verdict: the worst of its findings, and never `ok` for want of a check. */
  verdict(section) {
    const found = this.findings.filter((finding) => finding.section === section);
    if (found.some((finding) => finding.verdict === "contradiction")) {
      return "contradiction";
    }
    const held = new Set(found.filter((finding) => finding.verdict === "ok").map((finding) => `${section}:${finding.code}`));
    const missing = this.required.filter((check) => check.startsWith(`${section}:`) && !held.has(check));
    const all = found.every((finding) => finding.verdict === "ok");
    return found.length > 0 && missing.length === 0 && all ? "ok" : "unchecked";
  }

  /** 0 holds, 1 does not hold, 2 could not be checked. */
  get exitCode() {
    if (this.contradictions.length) {
      return 1;
    }
    return DECISIVE.every((section) => this.verdict(section) === "ok") && !this.hasOpenProof ? 0 : 2;
  }

  /** Whether something that a bundle carries was left unread here, and might contradict it. */
  get hasOpenProof() {
    return this.findings.some((finding) => ["timestamp", "ledger_unread"].includes(finding.code.replace("receipt_", "")));
  }

  /** What does not hold. */
  get contradictions() {
    return this.findings.filter((finding) => finding.verdict === "contradiction");
  }

  /** Whether a finding of this code does not hold or could not be checked. */
  names(code) {
    return this.findings.some((finding) => finding.code === code && finding.verdict !== "ok");
  }

  /** The report as `cognify verify --json` prints it. */
  toJSON() {
    return {
      subject: this.subject,
      run_id: this.runId,
      exit_code: this.exitCode,
      sections: Object.fromEntries(SECTIONS.map((section) => [section, this.verdict(section)])),
      findings: this.findings,
    };
  }
}
