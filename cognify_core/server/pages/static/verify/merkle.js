/**
 * RFC 6962 Merkle trees: the root over leaves, and whether a leaf stands under a root.
 *
 * A leaf is hashed under 0x00 and a node under 0x01 (§2.1), so that no leaf can pass for a node.
 */

import { equal, joined, sha256 } from "./bytes.js";
import { FormatError } from "./canonical.js";
import { inPieces } from "./pace.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of one leaf's bytes. */
export function leafHash(data) {
  return sha256(joined(LEAF, data));
}

/** The hash of a node from those of its two children. */
export function nodeHash(left, right) {
  return sha256(joined(NODE, left, right));
}

/** The root over leaf hashes in their order; of none, SHA-256 of nothing. */
export async function rootHash(leaves, progress = () => {}) {
  let level = leaves;
  while (level.length > 1) {
    const below = level;
    const pairs = Array.from({ length: below.length >> 1 }, (_, number) => 2 * number);
    const nodes = await inPieces(pairs, (at) => nodeHash(below[at], below[at + 1]), progress);
    level = below.length % 2 ? [...nodes, below[below.length - 1]] : nodes; // an odd one goes up as it is
  }
  return level.length ? level[0] : sha256(new Uint8Array());
}

/**
 * Check that a leaf hash is leaf `index` of the tree of `size` leaves under `root` (RFC 9162 §2.1.3.2).
 *
 * `index` and `size` are BigInts. Throws `FormatError` where it is not.
 */
export async function checkInclusion(leaf, index, size, path, root) {
  if (index < 0n || index >= size) {
    throw new FormatError(`leaf ${index} does not lie in a tree of ${size}`);
  }
  if ([leaf, root, ...path].some((each) => each.length !== 32)) {
    throw new FormatError("a hash is not 32 bytes long");
  }
  let [position, last, computed] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (last === 0n) {
      throw new FormatError("the proof is too long");
    }
    if (position & 1n || position === last) {
      computed = await nodeHash(sibling, computed);
      while (!(position & 1n) && position !== 0n) {
        [position, last] = [position >> 1n, last >> 1n];
      }
    } else {
      computed = await nodeHash(computed, sibling);
    }
    [position, last] = [position >> 1n, last >> 1n];
  }
  if (last !== 0n) {
    throw new FormatError("the proof is too short");
  }
  if (!equal(computed, root)) {
    throw new FormatError(`leaf ${index} is not included under this root`);
  }
}
