/** The lineage: a graph without cycles of nodes and edges, folded from a record's events. */

import { hashOf } from "./bytes.js";
import { byCodePoints, FormatError } from "./canonical.js";
import { isArtifact, nodeFields } from "./events.js";

/**
 * Fold events into `{nodes, edges, ids}`; `ids` has the node's id of each artifact's ref.
 *
 * Two artifacts that want one id and have one hash are one node; with different hashes the later gets a suffix of its
 * hash. Throws `FormatError` where a ref stands twice, an input names nothing, or there is a cycle.
 */
export async function fold(events) {
  const amended = events.find((event) => event.kind === "run_opened" && event.amends)?.amends.run_id;
  const open = events.some((event) => event.kind === "run_closed" && !event.complete);
  const { nodes, ids } = await nodesOf(events);
  let pairs = events.filter((event) => event.kind === "link").map((event) => [event.source, event.target]);
  for (const event of events.filter(isArtifact)) {
    pairs.push(...event.inputs.map((source) => [source, event.ref]));
  }
  if (open) {
    pairs = pairs.filter((pair) => pair.every((end) => ids.has(end) || end.startsWith("@")));
  }
  const ends = new Map();
  for (const pair of pairs) {
    const [from, to] = pair.map((ref) => endOf(ref, ids, amended));
    if (from !== to) {
      ends.set(JSON.stringify([from, to]), { from, to });
    }
  }
  const edges = [...ends.values()].sort((one, other) => byCodePoints(one.from, other.from) || byCodePoints(one.to, other.to));
  refuseCycles(nodes, edges);
  return { nodes: [...nodes.values()], edges, ids };
}

async function nodesOf(events) {
  const [nodes, ids] = [new Map(), new Map()];
  for (const event of events.filter(isArtifact)) {
    if (ids.has(event.ref)) {
      throw new FormatError(`not a lineage: two artifacts have the ref ${event.ref}`);
    }
    const id = await freeId(event, nodes);
    ids.set(event.ref, id);
    if (!nodes.has(id)) {
      nodes.set(id, node(event, id));
    }
  }
  return { nodes, ids };
}

function node(event, id) {
  return {
    type: event.kind,
    id,
    hash: event.hash ?? null,
    timestamp: `${event.at.slice(0, 19)}Z`,
    assurance: event.assurance,
    ...(event.reason === undefined ? {} : { reason: event.reason }),
    ...nodeFields(event),
  };
}

async function freeId(event, nodes) {
  const isFree = (id) => {
    const other = nodes.get(id);
    return !other || (event.hash !== undefined && other.hash === event.hash && other.type === event.kind);
  };
  if (isFree(event.id)) {
    return event.id;
  }
  const mark = event.hash?.slice("sha256:".length) ?? (await hashOf(event.ref));
  for (let length = 4; length <= 64; length += 4) {
    const id = `${event.id}-${mark.slice(0, length)}`;
    if (isFree(id)) {
      return id;
    }
  }
  throw new FormatError(`not a lineage: no free id for ${event.ref}`);
}

function endOf(ref, ids, amended) {
  if (ids.has(ref)) {
    return ids.get(ref);
  }
  if (ref.startsWith("@") && amended) {
    return `${amended}/${ref.slice(1)}`;
  }
  throw new FormatError(`not a lineage: an edge names ${ref}, which the record does not hold`);
}

/** Take away nodes that nothing leads to; where some are left, they lie in or behind a cycle. */
function refuseCycles(nodes, edges) {
  const [behind, incoming] = [new Map(), new Map([...nodes.keys()].map((id) => [id, 0]))];
  for (const { from, to } of edges) {
    behind.set(from, behind.get(from) ?? []);
    behind.get(from).push(to);
    incoming.set(from, incoming.get(from) ?? 0);
    incoming.set(to, (incoming.get(to) ?? 0) + 1);
  }
  const ready = [...incoming].filter(([, count]) => count === 0).map(([id]) => id);
  let taken = 0;
  while (ready.length) {
    taken += 1;
    for (const next of behind.get(ready.pop()) ?? []) {
      incoming.set(next, incoming.get(next) - 1);
      if (incoming.get(next) === 0) {
        ready.push(next);
      }
    }
  }
  if (taken < incoming.size) {
    throw new FormatError("not a lineage: there is a cycle in it");
  }
}

/** What the record says that it could not see: its gaps, and artifacts without a digest that no gap names. */
export function gapsOf(events) {
  const said = events.filter((event) => event.kind === "gap");
  const subjects = new Set(said.map((gap) => gap.subject));
  const silent = events.filter(
    (event) => isArtifact(event) && event.reason && !subjects.has(event.id) && !subjects.has(event.ref),
  );
  return [
    ...said.map(({ subject, reason, mend, owner }) => ({ subject, reason, ...(mend === undefined ? {} : { mend }), owner })),
    ...silent.map((event) => ({ subject: event.id, reason: event.reason, owner: "engineer" })),
  ];
}
