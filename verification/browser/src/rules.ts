/** The shipped rules: which reports count, what they come to, which arm is pulled (docs/protocol.md, docs/rules.md). */

import { isqrt } from "./bytes.js";
import { NOBODY, type Report } from "./blocks.js";
import { type Game, tieOf } from "./parameters.js";

export const UNIT = 1_000_000_000;

/** Which seats have all arms: the filter F. */
const filter = (candidates: number[][]): number[] =>
  candidates.reduce((left, members) => left.filter((seat) => members.includes(seat)));

type OfSeat<Value> = (seat: number) => Value;

/** Seats by what they report, of equals by their tie. */
const inOrder = (members: number[], value: OfSeat<number>, tie: OfSeat<bigint>): number[] =>
  [...members].sort((one, other) => value(one) - value(other) || (tie(one) < tie(other) ? -1 : 1));

function trimmed(members: number[], trim: number, value: OfSeat<number>, tie: OfSeat<bigint>): number[] {
  const order = inOrder(members, value, tie);
  return order.slice(trim, order.length - trim).sort((one, other) => one - other);
}

const OVER_A_SET = new Set([
  "option-1",
  "option-2",
  "option-3",
  "delta-safe",
  "confidence",
  "median",
  "krum",
  "meamed",
  "random-rank",
]);

/** Whether a rule's estimators are floored means over the selected; null for a rule that this page does not know. */
export function isOverASet(game: Game): boolean | null {
  const rule = game.rules.get("aggregation");
  if (!rule || rule.foreign || rule.version !== 1) return null;
  return OVER_A_SET.has(rule.name);
}

/** B of every arm by the declared aggregation; null where this page does not compute it. */
export function selectedBy(
  game: Game,
  reports: Map<number, Report>,
  candidates: number[][],
  seed: Uint8Array,
  nRef: number[],
): number[][] | null {
  const rule = game.rules.get("aggregation");
  if (!rule || rule.foreign || rule.version !== 1) return null;
  const f = game.n.liars;
  const ties = new Map<number, bigint>();
  const tie = (seat: number): bigint => {
    if (!ties.has(seat)) ties.set(seat, tieOf(seed, seat));
    return ties.get(seat)!;
  };
  const arms = candidates.map((_, arm) => arm);
  const value =
    (arm: number) =>
    (seat: number): number =>
      reports.get(seat)!.means[arm]!;
  const inF = filter(candidates);
  const median = (arm: number): number => {
    const values = inF.map(value(arm)).sort((one, other) => one - other);
    return values[(values.length - 1) >> 1]!;
  };
  switch (rule.name) {
    case "option-1":
      return arms.map((arm) => (candidates[arm]!.length > 2 * f ? trimmed(candidates[arm]!, f, value(arm), tie) : []));
    case "option-2":
    case "option-3": {
      const trim = Math.min(f, Math.ceil(inF.length / 2) - 1);
      return arms.map((arm) => (inF.length ? trimmed(inF, trim, value(arm), tie) : []));
    }
    case "delta-safe": {
      const delta = rule.options.delta!;
      return arms.map((arm) =>
        inF.length ? inF.filter((seat) => 2 * Math.abs(value(arm)(seat) - median(arm)) < delta) : [],
      );
    }
    case "confidence": {
      const delta = BigInt(rule.options.delta!);
      return arms.map((arm) => {
        if (!inF.length) return [];
        const middle = median(arm);
        const pulls = BigInt(nRef[arm] || 1);
        return inF.filter((seat) => {
          const away = BigInt(Math.abs(value(arm)(seat) - middle));
          return 4n * pulls * away * away < delta * delta;
        });
      });
    }
    case "median":
      return arms.map((arm) => {
        const order = inOrder(inF, value(arm), tie);
        return order.length ? [order[(order.length - 1) >> 1]!] : [];
      });
    default:
      return null;
  }
}

/** What the estimator of an arm counts for in the width, of a filter of so many; null where this page does not know. */
export function worthOf(game: Game, selected: number[], n: number): number | null {
  const rule = game.rules.get("aggregation");
  if (!rule || rule.foreign || rule.version !== (rule.name === "rank-vote" ? 2 : 1)) return null;
  switch (rule.name) {
    case "krum":
    case "random-rank":
      return 1;
    case "median":
    case "rank-vote":
      return Math.max(1, Math.floor((2 * n) / Math.PI));
    case "meamed":
      return Math.max(1, n - game.n.liars);
    case "centred-clipping":
    case "geometric-median":
    case "uniform-phantom":
    case "nash-mean":
    case "huber":
    case "huber-one-step":
      return Math.max(1, n);
    default:
      return OVER_A_SET.has(rule.name) ? Math.max(1, selected.length) : null;
  }
}

export const filterSize = (candidates: number[][]): number => filter(candidates).length;

/** ⌊√⌊10¹⁸ / n⌋⌋, the radius of a mean of n rewards. */
export const radiusOf = (pulls: number): number => (pulls ? Number(isqrt(10n ** 18n / BigInt(pulls))) : 2 ** 31 - 1);

/** What accuracy a report has: its distance from the estimators beyond the radii, against the tolerance. */
export function accuracyOf(report: Report, means: number[], radii: number[], tolerance: number): number {
  let sum = 0;
  means.forEach((mean, arm) => {
    if (mean !== NOBODY) sum += Math.max(0, Math.abs(report.means[arm]! - mean) - radii[arm]!);
  });
  const distance = Math.floor(sum / means.length);
  return distance < tolerance ? Number((65_535n * BigInt(tolerance - distance)) / BigInt(tolerance)) : 0;
}

const DIGITS = 60;
const ONE = 10n ** BigInt(DIGITS);
const GUARD = 10n ** 10n;
/** Beyond what rounding may have moved a logarithm of 60 digits. */

const logarithms = new Map<bigint, bigint>();

/** ln of an integer above 0, in units of 10⁻⁶⁰, to within a few of them. */
function ln(value: bigint): bigint {
  let found = logarithms.get(value);
  if (found !== undefined) return found;
  const halvings = value.toString(2).length - 1;
  // value = 2^halvings · x with 1 ≤ x < 2, and ln x = 2 artanh((x − 1) / (x + 1))
  const power = 1n << BigInt(halvings);
  found = artanh(value - power, value + power) + BigInt(halvings) * LN2;
  if (logarithms.size > 5_000) logarithms.clear();
  logarithms.set(value, found);
  return found;
}

function artanh(above: bigint, below: bigint): bigint {
  const z = (above * ONE) / below;
  const squared = (z * z) / ONE;
  let sum = 0n;
  for (let power = z, odd = 1n; power; power = (power * squared) / ONE, odd += 2n) sum += power / odd;
  return 2n * sum;
}

const LN2 = artanh(1n, 3n);

/** ⌊10⁹ ln t⌋. */
export const lnUnits = (t: number): bigint => (t === 1 ? 0n : ln(BigInt(t)) / 10n ** BigInt(DIGITS - 9));

/** Σ of the divergence p ln(p / q) + (1 − p) ln((1 − p) / (1 − q)) in units of 10⁻⁶⁰ times 10⁹. */
function divergence(p: bigint, q: bigint): bigint {
  const unit = BigInt(UNIT);
  const part = (share: bigint, of: bigint): bigint => (share ? share * (ln(share) - ln(of)) : 0n);
  return part(p, q) + part(unit - p, unit - q);
}

/** Whether N · KL(p, q) ≤ ln t, exactly: N = weight / scale, ln t floored to 10⁻⁹. */
function within(p: bigint, q: bigint, weight: bigint, scale: bigint, log: bigint): boolean {
  if (q === p) return true;
  if (q === BigInt(UNIT) || q === 0n) return false; // the divergence is infinite
  const left = weight * divergence(p, q);
  const right = scale * log * ONE;
  if ((left > right ? left - right : right - left) < weight * BigInt(UNIT) * GUARD)
    throw new Error("too near to decide");
  return left <= right;
}

/** The highest q, in units, of which N · KL(p, q) ≤ ln t. */
function klIndex(mean: number, weight: bigint, scale: bigint, log: bigint): bigint {
  const p = BigInt(Math.min(mean, UNIT));
  let low = p;
  let high = BigInt(UNIT); // q of 1 is never within, but where p is 1
  if (low === high) return low;
  const bound = (Number(log) / UNIT) * (Number(scale) / Number(weight));
  const share = Number(p) / UNIT;
  const near = (q: number): number =>
    (share ? share * Math.log(share / q) : 0) + (1 - share) * Math.log((1 - share) / (1 - q));
  let from = share;
  let to = 1;
  for (let step = 0; step < 60; ++step) {
    const middle = (from + to) / 2;
    if (near(middle) <= bound) from = middle;
    else to = middle;
  }
  // doubles lead near to it; the exact inequality decides
  const guess = BigInt(Math.floor(from * UNIT));
  for (const at of [guess - 2n, guess + 2n]) {
    if (at <= low || at >= high) continue;
    if (within(p, at, weight, scale, log)) low = at;
    else high = at;
  }
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (within(p, middle, weight, scale, log)) low = middle;
    else high = middle;
  }
  return low;
}

/** What the arm of a round rests on. */
export interface Known {
  /** The number of the pull. */
  t: number;
  means: number[];
  worth: (number | null)[];
  nRef: number[];
}

/** The arm of a learning round by the declared policy; null where this page does not compute it. */
export function armOf(game: Game, known: Known): number | null {
  const rule = game.rules.get("policy") ?? { name: "ucb1", version: 1, options: {}, foreign: false };
  if (rule.foreign || rule.version !== 1 || !["ucb1", "kl-ucb"].includes(rule.name)) return null;
  const { numerator, denominator, perReport } = game.words;
  let best = -1;
  let highest = -1n;
  for (let arm = 0; arm < game.n.arms; ++arm) {
    const worth = perReport ? known.worth[arm] : 1;
    if (worth == null) return null;
    const pulls = BigInt(known.nRef[arm]!);
    let index: bigint;
    if (!pulls) index = 1n << 80n;
    else if (rule.name === "ucb1") {
      const z = (numerator * lnUnits(known.t) * 10n ** 7n) / (denominator * BigInt(worth));
      index = BigInt(known.means[arm]!) + 10n * isqrt(z / pulls);
    } else index = klIndex(known.means[arm]!, 2n * pulls * BigInt(worth) * denominator, numerator, lnUnits(known.t));
    if (index > highest) {
      highest = index;
      best = arm;
    }
  }
  return best;
}
