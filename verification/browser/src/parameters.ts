/** A game's parameters, its declared rules, and the code that it was created from (docs/protocol.md). */

import { concat, integer, keccak, same, uint } from "./bytes.js";
import { Unknown } from "./checks.js";

const NAMES = [
  "participants",
  "validators",
  "arms",
  "horizon",
  "burnIn",
  "liars",
  "attackers",
  "threshold",
  "rules",
  "attested",
  "payload",
  "quorumChoice",
  "failureLimit",
  "numerator",
  "denominator",
  "perReport",
  "bodyMode",
  "unrecorded",
  "tolerance",
  "skipPenalty",
  "evidencePenalty",
  "cost",
  "sortition",
  "probing",
  "commanders",
  "weiPerUnit",
  "stake",
  "openingDeadline",
  "skipDeadline",
  "burnInBlocks",
  "gameBlocks",
  "settlementWindow",
  "sealed",
  "unrevealedPenalty",
  "slash",
  "findersFee",
  "growth",
  "paidBurnIn",
  "dimension",
  "rewardSource",
  "participantsRoot",
  "extension",
] as const;
const BITS = [
  16, 16, 8, 32, 32, 16, 16, 32, 256, 8, 16, 8, 16, 64, 64, 8, 8, 16, 32, 16, 16, 8, 128, 128, 128, 64, 128, 32, 32, 32,
  32, 32, 8, 128, 128, 128, 32, 8, 16, 8, 256, 256,
];
const WORDS = 46;
/** Of the arguments: the implementation, the parameters, two commitments, where the declaration begins. */

type Name = (typeof NAMES)[number];

export interface Rule {
  name: string;
  version: number;
  options: Record<string, number>;
  foreign: boolean;
}

/** Least and most value of an option. */
export type Bounds = readonly [number, number];

export type Kind = "aggregation" | "reputation" | "selection" | "payment" | "disclosure" | "policy";

const KINDS: Kind[] = ["aggregation", "reputation", "selection", "payment", "disclosure", "policy"];
const LONGEST = 4_096;

export interface Game {
  words: Record<Name, bigint>;
  n: Record<
    "participants" | "arms" | "horizon" | "burnIn" | "liars" | "attackers" | "failureLimit" | "payload",
    number
  >;
  saltCommitment: Uint8Array;
  secretCommitment: Uint8Array;
  digest: Uint8Array;
  rules: Map<Kind, Rule>;
  /** Bytes of a mask of seats. */
  mask: number;
  compact: boolean;
  sealed: boolean;
  phases: boolean;
  /** False reports can be proven. */
  provable: boolean;
  /** Means and accuracies are in calldata. */
  attested: boolean;
  weighted: boolean;
  stateful: boolean;
  chosen: boolean;
  drawn: boolean;
  commandersDrawn: boolean;
  /** Headers name the next committee. */
  committees: boolean;
  extension: 0 | 1 | 2;
}

const ALWAYS = 1n << 64n;

/** Bytes of a creation code, and their Keccak. */
export interface Code {
  length: number;
  digest: Uint8Array;
}

export interface Shipped extends Code {
  implementation: Uint8Array;
}

/** Whether a creation's data begin with a code, and go on. */
export const isOf = (data: Uint8Array, code: Code): boolean =>
  data.length > code.length + 32 && same(keccak(data.subarray(0, code.length)), code.digest);

/** Whether a creation's data begin with the shipped code and name the shipped implementation. */
export function isShipped(data: Uint8Array, shipped: Shipped): boolean {
  return (
    isOf(data, shipped) &&
    same(data.subarray(shipped.length, shipped.length + 32), concat(new Uint8Array(12), shipped.implementation))
  );
}

/** The game in the arguments behind the creation code. Throws where they are not in the one encoding. */
export function gameOf(args: Uint8Array): Game {
  const word = (at: number): Uint8Array => {
    if (args.length < 32 * (at + 1)) throw new Error("the creation's data end too early");
    return args.subarray(32 * at, 32 * at + 32);
  };
  const words = {} as Record<Name, bigint>;
  NAMES.forEach((name, at) => {
    words[name] = integer(word(1 + at));
    if (words[name] >> BigInt(BITS[at]!)) throw new Error(`the parameter ${name} is too large`);
  });
  if (integer(word(45)) !== BigInt(32 * WORDS)) throw new Error("the declaration of rules is not where it belongs");
  const length = Number(integer(word(46)));
  const begin = 32 * (WORDS + 1);
  const text = args.subarray(begin, begin + length);
  const padded = concat(text, new Uint8Array((32 - (length % 32)) % 32));
  if (text.length !== length || !same(args.subarray(begin), padded)) throw new Error("the declaration is not the last");
  if (!same(keccak(text), word(9))) throw new Error("the declaration is not the one among the parameters");
  const number = (name: Name): number => Number(words[name]);
  const classes = words.attested;
  const drawn = words.sortition > 0n;
  const commandersDrawn = words.commanders < ALWAYS;
  const chosen = (classes & 128n) > 0n;
  const stateful = (classes & 64n) > 0n;
  const phases = words.growth > 0n;
  return {
    words,
    n: {
      participants: number("participants"),
      arms: number("arms"),
      horizon: number("horizon"),
      burnIn: number("burnIn"),
      liars: number("liars"),
      attackers: number("attackers"),
      failureLimit: number("failureLimit"),
      payload: number("payload"),
    },
    saltCommitment: word(43),
    secretCommitment: word(44),
    digest: keccak(args.subarray(32, 32 * 45)),
    rules: declared(text),
    mask: Math.ceil(number("participants") / 8),
    compact: words.bodyMode === 1n,
    sealed: words.sealed === 1n,
    phases,
    provable: number("payload") === number("arms") + 1,
    attested: (classes & 3n) > 0n,
    weighted: (classes & 32n) > 0n,
    stateful,
    chosen,
    drawn,
    commandersDrawn,
    committees: drawn || chosen || words.validators < words.participants,
    extension: stateful ? 1 : phases ? 2 : 0,
  };
}

/** The rules of a declaration: canonical JSON. `Unknown` for another format. */
function declared(text: Uint8Array): Map<Kind, Rule> {
  if (text.length > LONGEST || text.some((byte) => byte < 32 || byte > 126))
    throw new Error("the declaration is too long, or no ASCII");
  const source = new TextDecoder().decode(text);
  if (/[:,[]-?\d{16}/.test(source)) throw new Unknown("the rules have integers that this page does not read");
  let read: { format?: unknown; rules?: unknown };
  try {
    read = JSON.parse(source) as typeof read;
  } catch {
    throw new Error("the declaration of rules is no JSON");
  }
  if (canonical(read) !== source) throw new Error("the declaration of rules is not in the canonical form");
  if (read.format !== 2 || !Array.isArray(read.rules)) throw new Unknown("the rules are declared in another format");
  const rules = new Map<Kind, Rule>();
  let last = -1;
  for (const each of read.rules as Record<string, unknown>[]) {
    const number = KINDS.indexOf(each.kind as Kind);
    if (number < 0) throw new Unknown("a rule is of a kind that this page does not know");
    if (number <= last) throw new Error("the declared rules are not in order");
    last = number;
    if (!Object.values(each.options ?? {}).every(Number.isSafeInteger))
      throw new Error("an option of a rule is no integer");
    rules.set(each.kind as Kind, {
      name: String(each.name),
      version: Number(each.version),
      options: (each.options ?? {}) as Record<string, number>,
      foreign: "digest" in each,
    });
  }
  return rules;
}

/** JSON in ASCII with ascending keys and no white space. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null)
    return JSON.stringify(value).replace(/[^ -~]/g, (each) => `\\u${hex(each, 4)}`);
  const entries = Object.entries(value).sort(([one], [other]) => (points(one) < points(other) ? -1 : 1));
  return `{${entries.map(([key, each]) => `${canonical(key)}:${canonical(each)}`).join()}}`;
}

const hex = (point: string, digits: number): string => point.codePointAt(0)!.toString(16).padStart(digits, "0");

/** By which texts are in the order of their characters, which is not that of their UTF-16. */
const points = (text: string): string => Array.from(text, (each) => hex(each, 6)).join("");

/** A quorum of n validators, E exact as twice its numerator over 2⁶⁵. */
export function quorumOf(game: Game, n: number): number {
  const { attackers, participants } = game.n;
  if (game.words.quorumChoice === 1n) return Math.floor((n + attackers) / 2) + 1;
  const halfExpected = Number((BigInt(participants) * game.words.sortition) >> 65n);
  return Math.max(Math.floor(n / 2), halfExpected, attackers) + 1;
}

/** How many validate after so many skips in a row. */
export function committeeSize(game: Game, skips: number): number {
  const wanted = game.words.validators << BigInt(Math.min(skips, 16));
  return wanted < game.words.participants ? Number(wanted) : game.n.participants;
}

export const seedOf = (seed0: Uint8Array, round: number): Uint8Array => keccak(seed0, uint(round, 4));

export const tieOf = (seed: Uint8Array, seat: number): bigint => integer(keccak(seed, uint(seat, 2)));
