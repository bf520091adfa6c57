/** Blocks of the chain: headers, transactions and receipts in their consensus encoding. */

import { RLP, type NestedUint8Array } from "@ethereumjs/rlp";

import { concat, hex, integer, keccak, same, small, uint } from "./bytes.js";
import { Unknown } from "./checks.js";
import { signerOf } from "./signatures.js";

type Item = Uint8Array | NestedUint8Array;

export interface Header {
  hash: Uint8Array;
  parent: Uint8Array;
  transactionsRoot: Uint8Array;
  receiptsRoot: Uint8Array;
  bloom: Uint8Array;
  number: number;
  gasLimit: bigint;
  gasUsed: bigint;
  time: bigint;
  /** It has fields that came after Prague. */
  newer: boolean;
}

export interface Transaction {
  type: number;
  sender: Uint8Array;
  nonce: bigint;
  gas: bigint;
  /** Null where it creates a contract. */
  to: Uint8Array | null;
  value: bigint;
  data: Uint8Array;
  /** Accounts that put code in their place (EIP-7702), and how many say so: not of each the account is known. */
  authorities: Uint8Array[];
  authorizations: number;
  /** Bytes of all of it. */
  size: number;
}

export interface Log {
  address: Uint8Array;
  topics: Uint8Array[];
  data: Uint8Array;
}

export interface Receipt {
  type: number;
  succeeded: boolean;
  cumulativeGas: bigint;
  bloom: Uint8Array;
  logs: Log[];
}

const HEADER_SIZES = [32, 32, 20, 32, 32, 32, 256, -1, -1, -1, -1, -1, null, 32, 8, -1, 32, -1, -1, 32, 32];
const FEWEST = 15;

/** A list out of canonical RLP. */
function list(data: Uint8Array): Item[] {
  const read = RLP.decode(data);
  if (!Array.isArray(read)) throw new Error("it is no list");
  if (!same(RLP.encode(read), data)) throw new Error("its RLP is not canonical");
  return read;
}

function bytes(item: Item | undefined, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new Error("bytes are missing");
  if (length !== undefined && item.length !== length) throw new Error(`there are ${item.length} bytes, not ${length}`);
  return item;
}

function int(item: Item | undefined, most = 32): bigint {
  const digits = bytes(item);
  if (digits[0] === 0 || digits.length > most) throw new Error("a number is not in its one form");
  return integer(digits);
}

function items(item: Item | undefined): Item[] {
  if (!Array.isArray(item)) throw new Error("a list is missing");
  return item;
}

export function headerOf(raw: Uint8Array): Header {
  const fields = list(raw);
  if (fields.length < FEWEST) throw new Error("a header has 15 fields at least");
  fields.slice(0, HEADER_SIZES.length).forEach((field, at) => {
    const size = HEADER_SIZES[at];
    if (size === -1) int(field);
    else bytes(field, size ?? undefined);
  });
  return {
    hash: keccak(raw),
    parent: bytes(fields[0]),
    transactionsRoot: bytes(fields[4]),
    receiptsRoot: bytes(fields[5]),
    bloom: bytes(fields[6]),
    number: small(bytes(fields[8])),
    gasLimit: int(fields[9]),
    gasUsed: int(fields[10]),
    time: int(fields[11]),
    newer: fields.length > HEADER_SIZES.length,
  };
}

/** Where the fields of a typed transaction are: gas, to, signature. */
const LAYOUT: Record<number, { gas: number; size: number }> = {
  1: { gas: 3, size: 11 },
  2: { gas: 4, size: 12 },
  3: { gas: 4, size: 14 },
  4: { gas: 4, size: 13 },
};

function recovered(digest: Uint8Array, r: Item | undefined, s: Item | undefined, odd: bigint): Uint8Array {
  if (odd > 1n) throw new Error("the signature's parity is neither 0 nor 1");
  const signer = signerOf(digest, int(r), int(s), Number(odd));
  if (!signer) throw new Error("no key can have signed it");
  return signer;
}

/** A transaction with its sender. Throws where it is none, or of another chain; `Unknown` for later types. */
export function transactionOf(raw: Uint8Array, chainId: bigint): Transaction {
  const type = raw[0] ?? 0;
  if (type >= 0xc0) {
    const fields = list(raw);
    if (fields.length !== 9) throw new Error("it has not nine fields");
    const v = int(fields[6]);
    const unsigned = fields.slice(0, 6);
    let odd = v - 27n;
    if (v >= 35n) {
      odd = (v - 35n) % 2n;
      if ((v - 35n) / 2n !== chainId) throw new Error("it is of another chain");
      unsigned.push(uint(chainId, 32).subarray(32 - lengthOf(chainId)), new Uint8Array(), new Uint8Array());
    }
    return {
      ...common(fields, 0, 2),
      type: 0,
      authorities: [],
      authorizations: 0,
      size: raw.length,
      sender: recovered(keccak(RLP.encode(unsigned as NestedUint8Array)), fields[7], fields[8], odd),
    };
  }
  const layout = LAYOUT[type];
  if (!layout) throw new Unknown(`a transaction is of type ${type}, which this page does not know`);
  const fields = list(raw.subarray(1));
  if (fields.length !== layout.size) throw new Error("it has another number of fields");
  if (int(fields[0]) !== chainId) throw new Error("it is of another chain");
  const unsigned = fields.slice(0, -3);
  const [odd, r, s] = fields.slice(-3);
  const digest = keccak(concat(Uint8Array.of(type), RLP.encode(unsigned as NestedUint8Array)));
  const authorizations = type === 4 ? items(fields[9]) : [];
  return {
    ...common(fields, 1, layout.gas),
    type,
    sender: recovered(digest, r, s, int(odd)),
    authorities: authorizations.map((each) => authority(items(each))).filter((each) => each !== null),
    authorizations: authorizations.length,
    size: raw.length,
  };
}

const lengthOf = (value: bigint): number => Math.ceil(value.toString(16).length / 2);

function common(
  fields: Item[],
  nonce: number,
  gas: number,
): Pick<Transaction, "nonce" | "gas" | "to" | "value" | "data"> {
  const to = bytes(fields[gas + 1]);
  if (to.length && to.length !== 20) throw new Error("its receiver is no address");
  return {
    nonce: int(fields[nonce], 8),
    gas: int(fields[gas], 8),
    to: to.length ? to : null,
    value: int(fields[gas + 2]),
    data: bytes(fields[gas + 3]),
  };
}

/** Who authorizes code (EIP-7702); null where nobody can have signed it. */
function authority(fields: Item[]): Uint8Array | null {
  if (fields.length !== 6) throw new Error("an authorization has not six fields");
  const digest = keccak(concat(Uint8Array.of(5), RLP.encode(fields.slice(0, 3) as NestedUint8Array)));
  const odd = int(fields[3]);
  return odd > 1n ? null : signerOf(digest, int(fields[4]), int(fields[5]), Number(odd));
}

export function receiptOf(raw: Uint8Array): Receipt {
  const type = (raw[0] ?? 0) < 0xc0 ? (raw[0] ?? 0) : 0;
  const fields = list(type ? raw.subarray(1) : raw);
  if (fields.length !== 4) throw new Error("a receipt has four fields");
  const status = int(fields[0]);
  if (status > 1n) throw new Error("a receipt's status is 0 or 1");
  const logs = items(fields[3]).map((each): Log => {
    const parts = items(each);
    if (parts.length !== 3) throw new Error("a log has three fields");
    return {
      address: bytes(parts[0], 20),
      topics: items(parts[1]).map((topic) => bytes(topic, 32)),
      data: bytes(parts[2]),
    };
  });
  if (!status && logs.length) throw new Error("a refused call has events");
  return { type, succeeded: status === 1n, cumulativeGas: int(fields[1]), bloom: bytes(fields[2], 256), logs };
}

/** The bloom filter of logs. */
export function bloomOf(logs: Log[]): Uint8Array {
  const bits = new Uint8Array(256);
  for (const log of logs)
    for (const entry of [log.address, ...log.topics]) {
      const digest = keccak(entry);
      for (const at of [0, 2, 4]) {
        const bit = ((digest[at]! << 8) | digest[at + 1]!) & 2047;
        bits[255 - (bit >> 3)]! |= 1 << (bit & 7);
      }
    }
  return bits;
}

export const createdBy = (sender: Uint8Array, nonce: bigint): Uint8Array =>
  keccak(RLP.encode([sender, nonce])).subarray(12);

export const key = (address: Uint8Array): string => hex(address);
