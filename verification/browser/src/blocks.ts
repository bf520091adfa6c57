/** Submitted blocks, their headers and bodies, byte for byte (docs/protocol.md, "Bytes"). */

import { concat, hex, integer, keccak, maskOf, Reader, seats, uint } from "./bytes.js";
import type { Game } from "./parameters.js";

export const NOBODY = 2 ** 32 - 1;
/** The estimator of an arm for which no report counts. */
export const MOST_MEAN = 2_000_000_000;
const MOST_STATE = 4_096;

export interface Report {
  seat: number;
  means: number[];
  /** The round whose receipt it rests on; null where reports name none. */
  named: number | null;
  commitment: Uint8Array;
  proof: Uint8Array | null;
  sealed: Uint8Array | null;
  signature: Uint8Array;
  /** What is signed: all but the signature. */
  bytes: Uint8Array;
}

export interface Body {
  radii: number[];
  reports: Report[];
  bytes: Uint8Array;
}

export interface Block {
  signers: number[];
  signatures: Uint8Array[];
  reporters: number[];
  arm: number;
  candidates: number[][];
  selected: number[][];
  committee: bigint | null;
  commanders: bigint | null;
  /** How often the arm is pulled; 1 without phases. */
  length: number;
  bodyHash: Uint8Array;
  body: Body | null;
  means: number[];
  /** Means and accuracies as the calldata have them; null where the contract computes them. */
  stated: boolean;
  accuracies: number[] | null;
  /** The middle of the header: from the reporters to the extension. */
  middle: Uint8Array;
}

function sets(read: Reader, game: Game): number[][] {
  const flag = read.number(1);
  if (flag > 1) throw new Error("sets of seats begin with 0 or 1");
  const { arms, participants } = game.n;
  const set = (): bigint => {
    const mask = read.int(game.mask);
    if (mask >> BigInt(participants)) throw new Error("a set has seats that do not exist");
    return mask;
  };
  if (flag === 1) return Array<number[]>(arms).fill(seats(set()));
  const masks = Array.from({ length: arms }, set);
  if (masks.every((mask) => mask === masks[0])) throw new Error("equal sets are not in their short form");
  return masks.map(seats);
}

export function bodyOf(bytes: Uint8Array, game: Game, reporters: number[]): Body {
  const read = new Reader(bytes);
  const radii = read.numbers(game.n.arms, 4);
  const reports = reporters.map((seat): Report => {
    const from = read.at;
    const said = read.numbers(game.n.payload, 4);
    const commitment = read.take(32);
    const proof = game.drawn || game.commandersDrawn ? read.take(81) : null;
    const sealed = game.sealed ? read.take(21) : null;
    const all = bytes.subarray(from, read.at);
    return {
      seat,
      means: said.slice(0, game.n.arms),
      named: game.provable ? said[game.n.arms]! : null,
      commitment,
      proof,
      sealed,
      signature: read.take(64),
      bytes: all,
    };
  });
  if (read.left) throw new Error("a body is longer than its reports");
  return { radii, reports, bytes };
}

/** Bytes of a report without its signature. */
export function reportBytes(game: Game): number {
  return 4 * game.n.payload + 32 + (game.drawn || game.commandersDrawn ? 81 : 0) + (game.sealed ? 21 : 0);
}

function bodySize(game: Game, reporters: number): number {
  return 4 * game.n.arms + reporters * (reportBytes(game) + 64);
}

/** The next submitted block. `bodies` has those of a compact game by hash. */
export function blockOf(read: Reader, game: Game, bodies: Map<string, Uint8Array>): Block {
  const { participants, arms } = game.n;
  const mask = (): number[] => {
    const read_ = read.int(game.mask);
    if (read_ >> BigInt(participants)) throw new Error("a mask has seats that do not exist");
    return seats(read_);
  };
  const signers = mask();
  const hash = game.compact ? read.take(32) : null;
  const from = read.at;
  const reporters = mask();
  const arm = read.number(1);
  if (arm >= arms) throw new Error(`there is no arm ${arm}`);
  const candidates = sets(read, game);
  const selected = sets(read, game);
  const committee = game.committees ? maskOf(mask()) : null;
  const commanders = game.commandersDrawn ? maskOf(mask()) : null;
  if (read.number(1) !== game.extension) throw new Error("a header has another extension");
  let length = 1;
  if (game.extension === 1) {
    const size = read.number(2);
    if (size > MOST_STATE) throw new Error("the state of rules is too long");
    read.take(size);
  }
  if (game.extension === 2) length = read.number(4);
  const middle = read.bytes.subarray(from, read.at);
  let means: number[] | null = null;
  let accuracies: number[] | null = null;
  const stated = game.attested || game.compact;
  const state = (): void => {
    means = read.numbers(arms, 4);
    accuracies = read.numbers(participants, 2);
  };
  if (game.attested && !game.compact) state();
  let body: Body | null = null;
  if (!game.compact) body = bodyOf(read.take(bodySize(game, reporters.length)), game, reporters);
  if (game.compact) {
    state();
    const found = bodies.get(hex(hash!));
    if (found) body = bodyOf(found, game, reporters);
  }
  means ??= meansOf(body!, selected);
  const signatures = signers.map(() => read.take(64));
  return {
    signers,
    signatures,
    reporters,
    arm,
    candidates,
    selected,
    committee,
    commanders,
    length,
    bodyHash: hash ?? keccak(body!.bytes),
    body,
    means,
    stated,
    accuracies,
    middle,
  };
}

/** The floored mean of the selected reports of each arm. */
export function meansOf(body: Body, selected: number[][]): number[] {
  const reports = new Map(body.reports.map((report) => [report.seat, report]));
  return selected.map((members, arm) => {
    if (!members.length) return NOBODY;
    let sum = 0;
    for (const seat of members) {
      const report = reports.get(seat);
      if (!report) throw new Error(`seat ${seat} is selected and did not report`);
      sum += report.means[arm]!;
    }
    return Math.floor(sum / members.length);
  });
}

export const isApproved = (means: number[]): boolean => means.every((mean) => mean <= MOST_MEAN);

/** The header of a block in its round. */
export function headerBytes(
  block: Block,
  round: number,
  parent: Uint8Array,
  blocked: bigint,
  accuracies: number[],
): Uint8Array {
  return concat(
    uint(round, 4),
    parent,
    uint(blocked, 32),
    block.bodyHash,
    block.middle,
    ...block.means.map((mean) => uint(mean, 4)),
    ...accuracies.map((each) => uint(each, 2)),
  );
}

export const kindWord = (round: number, kind: number): Uint8Array => uint((BigInt(round) << 8n) + BigInt(kind), 32);

export const isZero = (bytes: Uint8Array): boolean => integer(bytes) === 0n;
