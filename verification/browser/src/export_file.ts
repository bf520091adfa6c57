/** The lines of an export (docs/export.md): unpacked, and each in its one canonical form. */

import { unhex } from "./bytes.js";

export const FORMAT = "chain-bandit-history/3";
const MOST_PACKED = 200;
const LONGEST_LINE = 67_108_864;
const MOST_ITEMS = 65_536;
const LARGEST_ITEM = 33_554_432;

export class BadFile extends Error {}

export interface Origin {
  chainId: bigint;
  contract: Uint8Array;
  firstBlock: number;
}

export interface RawBlock {
  bodies: Uint8Array[];
  header: Uint8Array;
  receipts: Uint8Array[];
  transactions: Uint8Array[];
}

/** The plain bytes of a file that may be gzipped. */
export async function unpacked(file: Uint8Array): Promise<Uint8Array> {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file;
  const most = file.length * MOST_PACKED;
  const stream = new Blob([file as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > most) throw new BadFile(`it unpacks to more than ${MOST_PACKED} times its size`);
      parts.push(value);
    }
  } catch (error) {
    throw error instanceof BadFile ? error : new BadFile("it does not unpack: it is cut off, or damaged");
  } finally {
    reader.cancel().catch(() => undefined);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The lines of a file, each without its line feed. */
export function* lines(plain: Uint8Array): Generator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let from = 0;
  while (from < plain.length) {
    const end = plain.indexOf(10, from);
    if (end < 0) throw new BadFile("the last line does not end in a line feed: the file is cut off");
    if (end - from > LONGEST_LINE) throw new BadFile("a line is too long");
    try {
      yield decoder.decode(plain.subarray(from, end));
    } catch {
      throw new BadFile("a line is no text");
    }
    from = end + 1;
  }
}

/** The object of a line; it has these keys in this order, and no other form. */
function object(line: string, keys: string[]): Record<string, unknown> {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    throw new BadFile("it is no JSON");
  }
  if (typeof read !== "object" || read === null || Array.isArray(read)) throw new BadFile("it is no object");
  if (Object.keys(read).join() !== keys.join()) throw new BadFile(`its keys are not ${keys.join(", ")}`);
  if (JSON.stringify(read) !== line) throw new BadFile("it is not in the canonical form");
  return read as Record<string, unknown>;
}

function bytes(value: unknown): Uint8Array {
  if (typeof value !== "string") throw new BadFile("bytes are missing");
  try {
    return unhex(value);
  } catch (error) {
    throw new BadFile((error as Error).message);
  }
}

function items(value: unknown): Uint8Array[] {
  if (!Array.isArray(value)) throw new BadFile("a list is missing");
  if (value.length > MOST_ITEMS) throw new BadFile(`a list has more than ${MOST_ITEMS} items`);
  return value.map((each) => {
    const item = bytes(each);
    if (item.length > LARGEST_ITEM) throw new BadFile("an item is too large");
    return item;
  });
}

/** What the first line says. */
export function originOf(line: string): Origin {
  if (line.includes('"format":"') && !line.includes(`"format":"${FORMAT}"`))
    throw new BadFile(`it is not of the format ${FORMAT}, the only one that this page reads`);
  const read = object(line, ["chain_id", "contract", "first_block", "format"]);
  const contract = bytes(read.contract);
  if (contract.length !== 20) throw new BadFile("the contract is no address");
  const number = (value: unknown): number => {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw new BadFile("a number is none");
    return value as number;
  };
  return { chainId: BigInt(number(read.chain_id)), contract, firstBlock: number(read.first_block) };
}

/** The block of a further line. */
export function blockOf(line: string): RawBlock {
  const read = object(line, ["bodies", "header", "receipts", "transactions"]);
  return {
    bodies: items(read.bodies),
    header: bytes(read.header),
    receipts: items(read.receipts),
    transactions: items(read.transactions),
  };
}
