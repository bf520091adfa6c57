/** The root of a list, as a block's header has it: a Merkle-Patricia trie from the RLP of each index to its item. */

import { RLP, type Input } from "@ethereumjs/rlp";

import { keccak } from "./bytes.js";

type Entry = [nibbles: number[], value: Uint8Array];

const nibblesOf = (bytes: Uint8Array): number[] => Array.from(bytes).flatMap((byte) => [byte >> 4, byte & 15]);

/** The hex-prefix encoding of a path. */
function path(nibbles: number[], leaf: boolean): Uint8Array {
  const flag = leaf ? 2 : 0;
  const all = nibbles.length % 2 ? [flag + 1, ...nibbles] : [flag, 0, ...nibbles];
  return Uint8Array.from({ length: all.length / 2 }, (_, at) => all[2 * at]! * 16 + all[2 * at + 1]!);
}

/** A node as its parent holds it: itself where it is shorter than a hash. */
function held(node: Input): Input {
  const encoded = RLP.encode(node);
  return encoded.length < 32 ? node : keccak(encoded);
}

function nodeOf(entries: Entry[], depth: number): Input {
  const [first] = entries as [Entry];
  if (entries.length === 1) return [path(first[0].slice(depth), true), first[1]];
  const last = entries[entries.length - 1]!;
  let shared = depth;
  while (shared < first[0].length && first[0][shared] === last[0][shared]) ++shared;
  if (shared > depth) return [path(first[0].slice(depth, shared), false), held(nodeOf(entries, shared))];
  const branch: Input[] = Array.from({ length: 16 }, (_, nibble) => {
    const below = entries.filter(([nibbles]) => nibbles[depth] === nibble);
    return below.length ? held(nodeOf(below, depth + 1)) : new Uint8Array();
  });
  return [...branch, new Uint8Array()]; // no index is another one's prefix, so no branch has a value
}

/** The root of the items in their order. */
export function rootOf(items: Uint8Array[]): Uint8Array {
  if (!items.length) return keccak(RLP.encode(new Uint8Array()));
  const entries = items.map((item, index): Entry => [nibblesOf(RLP.encode(index)), item]);
  entries.sort(([one], [other]) => {
    for (let at = 0; at < one.length && at < other.length; ++at)
      if (one[at] !== other[at]) return one[at]! - other[at]!;
    return one.length - other.length;
  });
  return keccak(RLP.encode(nodeOf(entries, 0)));
}
