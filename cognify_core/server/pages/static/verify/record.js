/** The record alone: is every event an event, in its place, of this run, from opening to closing? */

import { leafHash, rootHash } from "./merkle.js";
import { digestOf, hex, utf8 } from "./bytes.js";
import { encode, FormatError } from "./canonical.js";
import { manifestsOf, parseEvent } from "./events.js";
import { fold } from "./lineage.js";
import { inPieces } from "./pace.js";
import { capped, cappedEach, contradicts } from "./report.js";

/** Read a record's events: each parsed, or why it is none, and the Merkle root over their bytes. */
export async function readRecord(runId, texts, progress) {
  const read = await inPieces(
    texts,
    async (text) => {
      try {
        return [await leafHash(utf8(text)), await parseEvent(text)];
      } catch (error) {
        if (!(error instanceof FormatError)) {
          throw error;
        }
        return [await leafHash(utf8(text)), error];
      }
    },
    (done) => progress("events", done, texts.length),
  );
  const parsed = read.map(([, event]) => event);
  const root = await rootHash(read.map(([leaf]) => leaf), () => progress("root", 0, 0));
  return new Record(runId, parsed, root);
}

/** A record as it was read; what follows from it is computed once. */
class Record {
  constructor(runId, parsed, root) {
    this.runId = runId;
    this.parsed = parsed;
    this.root = hex(root);
    this.size = parsed.length;
    this.reads = !parsed.some((event) => event instanceof FormatError);
  }

  /** The first event, where it opens a run. */
  get opened() {
    return this.reads && this.parsed[0]?.kind === "run_opened" ? this.parsed[0] : null;
  }

  /** The last event, where it closes the run. */
  get closed() {
    return this.reads && this.parsed.at(-1)?.kind === "run_closed" ? this.parsed.at(-1) : null;
  }

  /** Whether it is a record of one run, from its opening to its closing, with each event in its place. */
  get isWhole() {
    const [first] = this.parsed;
    const inPlace = (event, place) => event.seq === place && event.run_id === first.run_id;
    return this.reads && this.opened !== null && this.closed !== null && this.parsed.every(inPlace);
  }

  /** The lineage. Throws `FormatError` where the events fold into none. */
  lineage() {
    this.folded ??= fold(this.parsed);
    return this.folded;
  }

  /** The summary that a seal signs. */
  get summary() {
    return { format: "cognify.record/v1", size: this.size, root: this.root };
  }

  /** The digest that a seal names the record by. */
  digest(runId = this.runId) {
    return digestOf(encode({ ...this.summary, run_id: runId }));
  }

  /** The format of each manifest that the record names, by digest. */
  get manifests() {
    return new Map(this.parsed.flatMap(manifestsOf));
  }
}

/** What is wrong with a record's events; nothing, if nothing is. */
export function checkEvents(record, where) {
  if (!record.reads) {
    const unreadable = record.parsed
      .map((event, place) => [event, place])
      .filter(([event]) => event instanceof FormatError)
      .map(([event, place]) => contradicts("event_form", `${where}event ${place}: ${event.message}`));
    return capped(unreadable, where);
  }
  return [...places(record, where), ...runs(record, where), ...cappedEach([...ends(record, where)], where)];
}

function places({ parsed }, where) {
  const wrong = parsed.map((event, place) => [event, place]).filter(([event, place]) => event.seq !== place);
  const said = ([event, place]) => `${where}event ${place}: in its place stands one numbered ${event.seq} (${event.kind})`;
  return capped(wrong.map((each) => contradicts("event_order", said(each))), where);
}

function runs({ parsed, runId }, where) {
  const names = new Set(parsed.map((event) => event.run_id));
  if (names.size === 1 && !names.has(runId)) {
    return [contradicts("run_id", `${where}this is said to be ${runId}, but all its events are of ${[...names][0]}`)];
  }
  const strange = parsed.map((event, place) => [event, place]).filter(([event]) => event.run_id !== runId);
  const said = ([event, place]) => `${where}event ${place}: belongs to another run, ${event.run_id}`;
  return capped(strange.map((each) => contradicts("event_run", said(each))), where);
}

function* ends({ parsed }, where) {
  const at = (kind) => parsed.flatMap((event, place) => (event.kind === kind ? [place] : []));
  const [opened, closed] = [at("run_opened"), at("run_closed")];
  const last = parsed.length - 1;
  if (opened.length !== 1 || opened[0] !== 0) {
    yield contradicts("run_opened", `${where}run_opened must be event 0 and no other; it is ${listed(opened)}`);
  }
  if (closed.length !== 1 || closed[0] !== last) {
    yield contradicts("run_closed", `${where}run_closed must be the last event, ${last}, and no other; it is ${listed(closed)}`);
  } else {
    yield* counts(parsed, where);
  }
}

function* counts(parsed, where) {
  const [found, told] = [new Map(), new Map(Object.entries(parsed.at(-1).counts))];
  parsed.slice(0, -1).forEach((event) => found.set(event.kind, (found.get(event.kind) ?? 0) + 1));
  for (const kind of [...new Set([...told.keys(), ...found.keys()])].sort()) {
    if (told.get(kind) !== found.get(kind)) {
      const said = `run_closed counted ${told.get(kind) ?? 0} ${kind} events, and there are ${found.get(kind) ?? 0}`;
      yield contradicts("run_counts", `${where}${said}`);
    }
  }
}

function listed(found) {
  return found.slice(0, 20).map((place) => `event ${place}`).join(", ") || "missing";
}
