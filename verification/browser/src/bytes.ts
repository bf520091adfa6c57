/** Bytes, big-endian integers and Keccak. */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export { concatBytes as concat, utf8ToBytes as text };

export const ZERO = new Uint8Array(32);

/** A whole reward: one unit is 10⁻⁹. */
export const UNIT = 1_000_000_000;

/** Keccak-256 over the parts, one after the other. */
export const keccak = (...parts: Uint8Array[]): Uint8Array => keccak_256(concatBytes(...parts));

export const hex = (bytes: Uint8Array): string => `0x${bytesToHex(bytes)}`;

/** Bytes of lower-case hexadecimal with 0x. Throws on anything else. */
export function unhex(digits: string): Uint8Array {
  if (!/^0x(?:[0-9a-f]{2})*$/.test(digits)) throw new Error("these are no bytes in lower-case hexadecimal with 0x");
  return hexToBytes(digits.slice(2));
}

export const same = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

/** An unsigned big-endian integer of so many bytes. Throws where it does not fit. */
export function uint(value: bigint | number, bytes: number): Uint8Array {
  let left = BigInt(value);
  const made = new Uint8Array(bytes);
  for (let at = bytes - 1; at >= 0; --at, left >>= 8n) made[at] = Number(left & 255n);
  if (left !== 0n) throw new Error(`${value} does not fit into ${bytes} bytes`);
  return made;
}

/** The unsigned big-endian integer in bytes. */
export const integer = (bytes: Uint8Array): bigint => (bytes.length ? BigInt(hex(bytes)) : 0n);

/** The same where it fits a double exactly. */
export function small(bytes: Uint8Array): number {
  const value = integer(bytes);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error("this number is too large");
  return Number(value);
}

/** ⌊√value⌋. */
export function isqrt(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The seats of a mask: bit p stands for seat p. */
export function seats(mask: bigint): number[] {
  const found = [];
  for (let seat = 0, left = mask; left; ++seat, left >>= 1n) if (left & 1n) found.push(seat);
  return found;
}

export const maskOf = (members: Iterable<number>): bigint => {
  let mask = 0n;
  for (const seat of members) mask |= 1n << BigInt(seat);
  return mask;
};

/** Takes bytes from the front. */
export class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw new Error("the bytes end too early");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  int(count: number): bigint {
    return integer(this.take(count));
  }

  number(count: number): number {
    return small(this.take(count));
  }

  numbers(count: number, bytes: number): number[] {
    return Array.from({ length: count }, () => this.number(bytes));
  }
}
