/** The page itself: files in, a report out. It has no way to send anything, and needs none. */

import { FormatError } from "./canonical.js";
import { Pins } from "./keys.js";
import { parseLogKeys } from "./ledger.js";
import { rest } from "./pace.js";
import { element, plain } from "./shown.js";
import { MAX_BYTES, tooLarge, verify } from "./verify.js";
import { inWords, show } from "./view.js";

const RECEIPT = ".sigstore.json";
const ASIDE = /(?:\.evidence\.json|\.openings\.json|\.pub|\.pem|\.vkey|SHA256SUMS)$/;
const STEPS = {
  read: "Reading the file",
  hash: "Computing its SHA-256",
  events: "Checking events",
  root: "Computing the Merkle root",
  manifests: "Checking manifests",
  rendering: "Comparing the package with what it carries",
};
const by = (id) => document.getElementById(id);
const given = { package: null, receipt: null };
let round = 0;

/** Of the files that came, the package and the receipt beside it. */
function sort(files) {
  const receipts = files.filter(({ name }) => name.endsWith(RECEIPT));
  const others = files.filter((file) => !receipts.includes(file));
  const candidates = others.filter(({ name }) => !ASIDE.test(name));
  const withReceipt = candidates.find(({ name }) => receipts.some((receipt) => receipt.name === name + RECEIPT));
  const chosen = withReceipt ?? candidates[0] ?? null;
  const receipt = receipts.find(({ name }) => name === `${chosen?.name}${RECEIPT}`) ?? (receipts.length === 1 ? receipts[0] : null);
  return { package: chosen, receipt, aside: files.filter((file) => file !== chosen && file !== receipt) };
}

function take(files) {
  const found = sort(files);
  if (found.package === null && found.receipt !== null && given.package !== null) {
    given.receipt = found.receipt;
  } else if (found.package !== null) {
    Object.assign(given, { package: found.package, receipt: found.receipt });
  }
  list(found.aside);
  if (given.package === null) {
    by("status").textContent = "There is no package among these files.";
    return;
  }
  check();
}

function list(aside) {
  const line = (file, what) => (file ? [element("li", {}, element("strong", {}, file.name), element("span", { class: "muted" }, what(file)))] : []);
  const bytes = ({ size }) => `${size.toLocaleString("en")} bytes`;
  by("chosen").replaceChildren(
    ...line(given.package, (file) => `the package, ${bytes(file)}`),
    ...line(given.receipt, () => "its receipt"),
    ...aside.flatMap((file) => line(file, () => "not looked at: a key that comes with a package proves nothing, and one package is checked at a time")),
  );
  by("chosen").hidden = by("chosen").childElementCount === 0;
}

async function check() {
  if (given.package === null) {
    by("status").textContent = "Choose a package first.";
    by("files").focus();
    return;
  }
  const mine = (round += 1);
  const trust = await trusted();
  if (trust === null) {
    return;
  }
  begin();
  const { report, read } = await made(trust, (step, done, of) => {
    if (mine !== round) {
      throw new Error("another check has begun"); // and nobody waits for this one
    }
    progress(step, done, of);
  });
  if (mine === round) {
    by("working").hidden = true;
    present(report, read);
  }
}

/** What somebody pinned; null, with the field marked, where it does not read. */
async function trusted() {
  const reads = {
    keys: async (text) => Pins.parse(text),
    logs: async (text) => parseLogKeys(text),
    expected: async (text) => expectedHash(text),
  };
  const found = {};
  for (const [id, read] of Object.entries(reads)) {
    try {
      found[id] = await read(by(id).value.trim());
      complain(id, "");
    } catch (error) {
      complain(id, error instanceof FormatError ? error.message : `this could not be read: ${error.message}`);
      return null;
    }
  }
  return found;
}

function expectedHash(text) {
  const digits = text.toLowerCase().replace(/^sha256:/, "");
  if (digits !== "" && !/^[0-9a-f]{64}$/.test(digits)) {
    throw new FormatError("a package hash has 64 hex digits");
  }
  return digits === "" ? null : `sha256:${digits}`;
}

function complain(id, message) {
  const field = by(`${id}-field`);
  field.classList.toggle("field-wrong", message !== "");
  by(id).setAttribute("aria-invalid", String(message !== ""));
  field.querySelector(".wrong")?.remove();
  if (message !== "") {
    field.append(element("p", { class: "hint wrong", role: "alert" }, element("strong", {}, message)));
    field.closest("details")?.setAttribute("open", "");
    by(id).focus();
  }
}

async function made({ keys, logs, expected }, onProgress) {
  if (given.package.size > MAX_BYTES) {
    return { report: tooLarge(given.package.size), read: null };
  }
  await rest();
  const data = await bytesOf(given.package);
  const receipt = given.receipt && (await bytesOf(given.receipt));
  return verify(data, { receipt, pins: keys, logs, expected, progress: onProgress });
}

async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    return new Uint8Array(); // a file that went away is no package
  }
}

function begin() {
  by("result").hidden = true;
  by("working").hidden = false;
  progress("read", 0, 0);
}

function progress(step, done, of) {
  const words = of ? `${STEPS[step]}: ${done.toLocaleString("en")} of ${of.toLocaleString("en")}` : STEPS[step];
  by("step").textContent = words;
  if (of) {
    by("bar").value = done / of;
  } else {
    by("bar").removeAttribute("value");
    by("status").textContent = STEPS[step];
  }
}

function present(report, read) {
  const save = element("button", { type: "button" }, "Download the report (JSON)");
  save.addEventListener("click", () => download(report));
  const print = element("button", { type: "button" }, "Print");
  print.addEventListener("click", () => window.print());
  show(by("result"), report, read, given.package.name, [save, print]);
  by("result").hidden = false;
  by("status").textContent = inWords(report);
  by("result").focus({ preventScroll: true });
  by("result").scrollIntoView({ block: "start" });
}

function download(report) {
  const said = { ...report.toJSON(), file: given.package.name, checked_in: "a browser", checked_at: new Date().toISOString() };
  const address = URL.createObjectURL(new Blob([`${JSON.stringify(said, null, 2)}\n`], { type: "application/json" }));
  const link = element("a", { href: address, download: `${given.package.name}.report.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function startOver() {
  round += 1;
  Object.assign(given, { package: null, receipt: null });
  list([]);
  ["keys", "logs", "expected"].forEach((id) => complain(id, ""));
  by("result").hidden = true;
  by("working").hidden = true;
  by("status").textContent = "";
}

function tellOrigin() {
  const isServed = window.location.protocol.startsWith("http");
  by("back").hidden = !isServed;
  by("origin").textContent = isServed
    ? `It came from ${plain(window.location.host)}: whoever runs that could send you a page that lies. Where that matters, use the same page as a file, cognify-verify.html, whose SHA-256 you compare with the one that Cognify publishes: “cognify verifier” writes it.`
    : "You opened it from disk. It is worth what the file is worth: compare its SHA-256 with the one that Cognify publishes; “cognify verifier” writes the same file, byte for byte.";
}

function listen() {
  by("files").addEventListener("change", ({ target }) => target.files.length && take([...target.files]));
  by("form").addEventListener("submit", (event) => {
    event.preventDefault();
    check();
  });
  by("form").addEventListener("reset", startOver);
  by("keyfile").addEventListener("change", async ({ target }) => {
    if (target.files.length) {
      by("keys").value = new TextDecoder().decode((await bytesOf(target.files[0])).subarray(0, 1 << 16));
      await recheck();
    }
  });
  ["keys", "logs", "expected"].forEach((id) => by(id).addEventListener("change", recheck));
  for (const [name, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(name, (event) => {
      event.preventDefault(); // a file that is dropped beside the box must not replace the page
      by("drop").classList.toggle("over", isOver);
    });
  }
  document.addEventListener("drop", ({ dataTransfer }) => dataTransfer?.files.length && take([...dataTransfer.files]));
}

async function recheck() {
  if (given.package !== null) {
    await check();
  }
}

/** For programs: the report of some bytes, as `cognify verify --json` has it. Keys and logs as they are pasted. */
async function cognifyVerify(data, { receipt = null, keys = "", logs = "", expected = "" } = {}) {
  const trust = { pins: await Pins.parse(keys), logs: await parseLogKeys(logs), expected: expectedHash(expected) };
  return (await verify(data, { receipt, ...trust })).report.toJSON();
}

globalThis.cognifyVerify = cognifyVerify;
tellOrigin();
listen();
