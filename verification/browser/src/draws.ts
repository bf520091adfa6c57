/** Rewards under the committed key, and who is drawn by proofs (docs/protocol.md). */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, integer, keccak, Reader, same, text, uint } from "./bytes.js";

const WORD = (1n << 64n) - 1n;
const MULTIPLIERS = [0xd2e7470ee14c6c93n, 0xca5a826395121157n] as const;
const WEYL = [0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn] as const;

/** Philox4x64-10 of a counter of four words under a key of two. */
function philox(counter: bigint[], key: [bigint, bigint]): bigint[] {
  let [a, b, c, d] = counter as [bigint, bigint, bigint, bigint];
  let [k, l] = key;
  for (let round = 0; round < 10; ++round) {
    const first = a * MULTIPLIERS[0];
    const second = c * MULTIPLIERS[1];
    [a, b, c, d] = [(second >> 64n) ^ b ^ k, second & WORD, (first >> 64n) ^ d ^ l, first & WORD];
    k = (k + WEYL[0]) & WORD;
    l = (l + WEYL[1]) & WORD;
  }
  return [a, b, c, d];
}

/** Of each arm its rewards, ascending, and how often each was recorded. */
export type Model = { rewards: bigint[]; counts: bigint[]; size: bigint }[];

/** The opened model; null where its bytes are none. */
export function modelOf(bytes: Uint8Array, arms: number): Model | null {
  try {
    const read = new Reader(bytes);
    const model = Array.from({ length: arms }, () => {
      const entries = read.number(2);
      const rewards: bigint[] = [];
      const counts: bigint[] = [];
      for (let at = 0; at < entries; ++at) {
        rewards.push(read.int(4));
        counts.push(read.int(4));
      }
      const size = counts.reduce((sum, count) => sum + count, 0n);
      const ascend = rewards.every((reward, at) => reward <= 1_000_000_000n && (at === 0 || reward > rewards[at - 1]!));
      if (!size || !ascend) throw new Error("the rewards of an arm are none");
      return { rewards, counts, size };
    });
    return read.left ? null : model;
  } catch {
    return null;
  }
}

/** The floored mean of an arm's rewards, in units. */
export const meanOf = (arm: Model[number]): bigint =>
  arm.rewards.reduce((sum, reward, at) => sum + reward * arm.counts[at]!, 0n) / arm.size;

export class Draws {
  private readonly key: [bigint, bigint];

  constructor(
    secret: Uint8Array,
    seed0: Uint8Array,
    private readonly model: Model,
  ) {
    const digest = keccak(secret, seed0, text("reward"));
    this.key = [integer(digest.subarray(0, 8)), integer(digest.subarray(8, 16))];
  }

  /** The reward of a pull: its number, seat, arm, and how many rounds had failed before it. */
  reward(t: number, seat: number, arm: number, failed: number): bigint {
    const word = philox([BigInt(t), BigInt(seat >> 2), BigInt(arm), BigInt(failed)], this.key)[seat & 3]!;
    const { rewards, counts, size } = this.model[arm]!;
    let index = (word * size) >> 64n;
    let at = 0;
    while (index >= counts[at]!) index -= counts[at++]!;
    return rewards[at]!;
  }
}

const SUITE = 0xfe;
const { Point } = secp256k1;
type Dot = InstanceType<typeof Point>;

/** A point of hashed input: ECVRF of RFC 9381, section 5.4.1.1, salted with the public key. */
function hashed(key: Uint8Array, input: Uint8Array): Dot | null {
  for (let counter = 0; counter < 256; ++counter) {
    const digest = sha256(concat(Uint8Array.of(SUITE, 1), key, input, Uint8Array.of(counter, 0)));
    try {
      return Point.fromBytes(concat(Uint8Array.of(2), digest));
    } catch {
      continue;
    }
  }
  return null;
}

/** The 32 bytes that a proof stands for; null where it is none for this key and input. */
export function vrfHash(key: Uint8Array, input: Uint8Array, proof: Uint8Array): Uint8Array | null {
  try {
    const gamma = Point.fromBytes(proof.subarray(0, 33));
    const challenge = proof.subarray(33, 49);
    const c = integer(challenge);
    const s = integer(proof.subarray(49));
    if (!c || !s || s >= Point.Fn.ORDER) return null;
    const owner = Point.fromBytes(key);
    const point = hashed(key, input);
    if (!point) return null;
    const u = Point.BASE.multiplyUnsafe(s).subtract(owner.multiplyUnsafe(c));
    const v = point.multiplyUnsafe(s).subtract(gamma.multiplyUnsafe(c));
    const all = [owner, point, gamma, u, v].map((each) => each.toBytes(true));
    const again = sha256(concat(Uint8Array.of(SUITE, 2), ...all, Uint8Array.of(0))).subarray(0, 16);
    if (!same(again, challenge)) return null;
    return sha256(concat(Uint8Array.of(SUITE, 3), gamma.toBytes(true), Uint8Array.of(0)));
  } catch {
    return null;
  }
}

/** Whether half a hash is drawn: it is not in the first slice of the binomial law of so many trials. */
export function isDrawn(half: Uint8Array, chance: bigint, trials: number): boolean {
  const never = ((1n << 64n) - chance) ** BigInt(trials);
  return integer(half) >= (never << 128n) >> (64n * BigInt(trials));
}

export const drawInput = (seed: Uint8Array): Uint8Array => uint(integer(seed), 32);
