/** The shipped rules of accuracy, disclosure and policy (docs/protocol.md, docs/rules.md). */

import { NOBODY, type Report } from "./blocks.js";
import { isqrt, UNIT } from "./bytes.js";
import type { Game } from "./parameters.js";

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

/** What a report says of an own estimator by the game's disclosure; null where this page does not compute it. */
export function saidOf(game: Game, mean: number): number | null {
  const rule = game.rules.get("disclosure");
  if (!rule) return mean;
  if (rule.foreign || rule.version !== 1) return null;
  if (rule.name === "estimates") return mean;
  const step = stepOf(game);
  return step && Math.min(Math.floor((2 * mean + step - 1) / (2 * step)), Math.floor(UNIT / step)) * step;
}

/** What every reported value is a multiple of; null where this page does not know. */
export function stepOf(game: Game): number | null {
  const rule = game.rules.get("disclosure");
  return rule?.name === "rounded" && !rule.foreign && rule.version === 1 ? (rule.options.step ?? null) : null;
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
