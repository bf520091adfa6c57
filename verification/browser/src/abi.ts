/** The ABI's encoding of the contract's calls and events: the canonical one, and no other. */

import { concat, integer, keccak, same, text, uint } from "./bytes.js";

export type Value = bigint | Uint8Array | Value[];
type Type = string | Type[] | { of: Type };

/** The types in a signature such as "uint16,(bytes32,bool)[],bytes". */
function parse(source: string): Type[] {
  let at = 0;
  const list = (): Type[] => {
    const types: Type[] = [];
    while (at < source.length && source[at] !== ")") {
      let type: Type;
      if (source[at] === "(") {
        ++at;
        type = list();
        ++at;
      } else {
        const name = /^[a-z0-9]+/.exec(source.slice(at))![0];
        at += name.length;
        type = name;
      }
      if (source.startsWith("[]", at)) {
        at += 2;
        type = { of: type };
      }
      types.push(type);
      if (source[at] === ",") ++at;
    }
    return types;
  };
  return list();
}

const isDynamic = (type: Type): boolean =>
  typeof type === "string" ? type === "bytes" : Array.isArray(type) ? type.some(isDynamic) : true;

const width = (type: Type): number =>
  Array.isArray(type) && !isDynamic(type) ? type.reduce((sum: number, each) => sum + width(each), 0) : 32;

function decodeList(types: Type[], data: Uint8Array, from: number): Value[] {
  let at = from;
  return types.map((type) => {
    const here = at;
    at += width(type);
    if (!isDynamic(type)) return decode(type, data, here);
    const offset = integer(word(data, here));
    if (offset > BigInt(data.length)) throw new Error("an offset leads beyond the data");
    return decode(type, data, from + Number(offset));
  });
}

function word(data: Uint8Array, at: number): Uint8Array {
  if (at + 32 > data.length) throw new Error("the data end too early");
  return data.subarray(at, at + 32);
}

function decode(type: Type, data: Uint8Array, at: number): Value {
  if (Array.isArray(type)) return decodeList(type, data, at);
  if (typeof type === "object") {
    const count = integer(word(data, at));
    if (count > BigInt(data.length)) throw new Error("a list is longer than the data");
    return decodeList(Array<Type>(Number(count)).fill(type.of), data, at + 32);
  }
  const read = word(data, at);
  if (type === "bytes") {
    const length = integer(read);
    if (length > BigInt(data.length - at - 32)) throw new Error("bytes are longer than the data");
    return data.subarray(at + 32, at + 32 + Number(length));
  }
  if (type === "bytes32") return read;
  if (type === "address") {
    if (integer(read) >> 160n) throw new Error("an address is too long");
    return read.subarray(12);
  }
  const value = integer(read);
  const bits = type === "bool" ? 1 : Number(type.slice(4));
  if (value >> BigInt(bits)) throw new Error(`${type} is too large`);
  return value;
}

function encodeList(types: Type[], values: Value[]): Uint8Array {
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let end = types.reduce((sum: number, each) => sum + width(each), 0);
  types.forEach((type, at) => {
    const encoded = encode(type, values[at]!);
    if (isDynamic(type)) {
      head.push(uint(end, 32));
      tail.push(encoded);
      end += encoded.length;
    } else head.push(encoded);
  });
  return concat(...head, ...tail);
}

function encode(type: Type, value: Value): Uint8Array {
  if (Array.isArray(type)) return encodeList(type, value as Value[]);
  if (typeof type === "object") {
    const items = value as Value[];
    return concat(uint(items.length, 32), encodeList(Array<Type>(items.length).fill(type.of), items));
  }
  if (typeof value === "bigint") return uint(value, 32);
  const bytes = value as Uint8Array;
  if (type !== "bytes") return concat(new Uint8Array(32 - bytes.length), bytes);
  return concat(uint(bytes.length, 32), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
}

export const selector = (signature: string): string =>
  Array.from(keccak(text(signature)).subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The values in data; throws where the data are not their canonical encoding, `more` aside, which may follow. */
export function decoded(types: string, data: Uint8Array, more = false): Value[] {
  const parsed = parse(types);
  const values = decodeList(parsed, data, 0);
  const again = encodeList(parsed, values);
  if (!same(again, more ? data.subarray(0, again.length) : data)) throw new Error("this is not the canonical encoding");
  return values;
}

export const encoded = (types: string, ...values: Value[]): Uint8Array => encodeList(parse(types), values);

export const topic = (signature: string): Uint8Array => keccak(text(signature));
