/** The shipped aggregations: which reports count, and what they come to (docs/rules.md, "In integers"). */

import { NOBODY, type Report } from "./blocks.js";
import { integer, isqrt, keccak, uint, UNIT } from "./bytes.js";
import { type Bounds, type Game, type Rule, tieOf } from "./parameters.js";

/** What was agreed on in a round, as rules read it. */
class Agreed {
  readonly arms: number[];
  /** Seats that have all arms, ascending: F. */
  readonly filter: number[];
  /** Most liars. */
  readonly f: number;
  private readonly ties = new Map<number, bigint>();

  constructor(
    game: Game,
    readonly options: Record<string, number>,
    private readonly reports: Map<number, Report>,
    readonly candidates: number[][],
    readonly seed: Uint8Array,
    private readonly nRef: number[],
    readonly inForce: number[] | null,
  ) {
    this.f = game.n.liars;
    this.arms = candidates.map((_, arm) => arm);
    this.filter = filter(candidates);
  }

  row = (seat: number): number[] => this.reports.get(seat)!.means;
  value = (seat: number, arm: number): number => this.row(seat)[arm]!;
  /** The reports of F of an arm, ascending. */
  column = (arm: number): number[] => ascending(this.filter.map((seat) => this.value(seat, arm)));
  pulls = (arm: number): bigint => BigInt(this.nRef[arm] || 1);
  /** Seats by a key, of equals in tie order. */
  inOrder = (members: number[], key: (seat: number) => number): number[] =>
    [...members].sort((one, other) => key(one) - key(other) || this.tied(one, other));

  tied(one: number, other: number): number {
    return this.tie(one) < this.tie(other) ? -1 : 1;
  }

  private tie(seat: number): bigint {
    let found = this.ties.get(seat);
    if (found === undefined) this.ties.set(seat, (found = tieOf(this.seed, seat)));
    return found;
  }
}

interface Aggregation {
  version: number;
  options: Record<string, Bounds>;
  /** B of every arm; F where it is not here. */
  selected?: (agreed: Agreed) => number[][];
  /** Estimators in units, where F holds somebody; the floored means over B where it is not here. */
  means?: (agreed: Agreed) => number[];
  /** What an estimator counts for in the width, of |F|; |B| where it is not here. */
  worth?: (n: number) => number;
}

const ascending = (values: number[]): number[] => [...values].sort((one, other) => one - other);
const lowerMedian = (values: number[]): number => ascending(values)[(values.length - 1) >> 1]!;
const clip = (value: number, most: number): number => Math.max(-most, Math.min(value, most));
const sumOf = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);
const sumOfBig = (values: bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);
const floorDiv = (above: bigint, below: bigint): bigint => above / below - (above % below < 0n ? 1n : 0n);
const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other);
const squares = (one: bigint[], other: bigint[]): bigint =>
  sumOfBig(one.map((value, arm) => (value - other[arm]!) ** 2n));

const filter = (candidates: number[][]): number[] =>
  candidates.reduce((left, members) => left.filter((seat) => members.includes(seat)));

/** How many are trimmed on a side of so many in F. */
const trimOf = (agreed: Agreed): number => Math.min(agreed.f, Math.ceil(agreed.filter.length / 2) - 1);

/** The lowest integer from `low` on, at most `high`, of which something holds that holds of all above it. */
function lowest(low: number, high: number, holds: (value: number) => boolean): number {
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function trimmed(agreed: Agreed, members: number[], arm: number, trim: number): number[] {
  const order = agreed.inOrder(members, (seat) => agreed.value(seat, arm));
  return ascending(order.slice(trim, order.length - trim));
}

/** B of each arm by itself, where F holds somebody. */
const eachArm = (chosen: (agreed: Agreed, arm: number) => number[]) => (agreed: Agreed) =>
  agreed.arms.map((arm) => (agreed.filter.length ? chosen(agreed, arm) : []));

const huberOneStep = (agreed: Agreed, arm: number) => {
  const column = agreed.column(arm);
  const lower = column[(column.length - 1) >> 1]!;
  const upper = column[column.length >> 1]!;
  const k = BigInt(agreed.options.clip!);
  return {
    column,
    median: Math.floor((lower + upper) / 2),
    r: Number(isqrt((k * k - 1n) / (4n * agreed.pulls(arm)))),
    half: Math.ceil((upper - lower) / 2),
  };
};

const UINT32: Bounds = [1, 2 ** 32 - 1];
const ofMedian = (n: number): number => Math.floor((2 * n) / Math.PI);
const PLAIN = { version: 1, options: {} };

const OPTION_2: Aggregation = {
  ...PLAIN,
  selected: eachArm((agreed, arm) => trimmed(agreed, agreed.filter, arm, trimOf(agreed))),
};

const AGGREGATIONS: Record<string, Aggregation> = {
  "option-1": {
    ...PLAIN,
    selected: (agreed) =>
      agreed.candidates.map((members, arm) =>
        members.length > 2 * agreed.f ? trimmed(agreed, members, arm, agreed.f) : [],
      ),
  },
  "option-2": OPTION_2,
  "option-3": OPTION_2,
  "delta-safe": {
    version: 1,
    options: { delta: UINT32 },
    selected: eachArm((agreed, arm) => {
      const median = lowerMedian(agreed.column(arm));
      return agreed.filter.filter((seat) => 2 * Math.abs(agreed.value(seat, arm) - median) < agreed.options.delta!);
    }),
  },
  confidence: {
    version: 1,
    options: { delta: UINT32 },
    selected: eachArm((agreed, arm) => {
      const median = lowerMedian(agreed.column(arm));
      const delta = BigInt(agreed.options.delta!);
      return agreed.filter.filter((seat) => {
        const away = BigInt(agreed.value(seat, arm) - median);
        return 4n * agreed.pulls(arm) * away * away < delta * delta;
      });
    }),
  },
  median: {
    ...PLAIN,
    selected: eachArm((agreed, arm) => {
      const order = agreed.inOrder(agreed.filter, (seat) => agreed.value(seat, arm));
      return [order[(order.length - 1) >> 1]!];
    }),
    worth: ofMedian,
  },
  krum: {
    ...PLAIN,
    selected: (agreed) => {
      const rows = new Map(agreed.filter.map((seat) => [seat, agreed.row(seat).map(BigInt)]));
      const near = Math.max(agreed.filter.length - agreed.f - 2, 1);
      const scores = new Map(
        agreed.filter.map((seat) => {
          const apart = agreed.filter
            .filter((other) => other !== seat)
            .map((other) => squares(rows.get(seat)!, rows.get(other)!))
            .sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
          return [seat, sumOfBig(apart.slice(0, near))];
        }),
      );
      const [first] = [...agreed.filter].sort((one, other) => {
        const [mine, others] = [scores.get(one)!, scores.get(other)!];
        if (mine !== others) return mine < others ? -1 : 1;
        const arm = agreed.arms.find((each) => agreed.value(one, each) !== agreed.value(other, each));
        return arm === undefined ? agreed.tied(one, other) : agreed.value(one, arm) - agreed.value(other, arm);
      });
      return agreed.arms.map(() => (first === undefined ? [] : [first]));
    },
  },
  meamed: {
    ...PLAIN,
    selected: eachArm((agreed, arm) => {
      const column = agreed.column(arm);
      const twice = column[(column.length - 1) >> 1]! + column[column.length >> 1]!;
      const order = agreed.inOrder(agreed.filter, (seat) => Math.abs(2 * agreed.value(seat, arm) - twice));
      return ascending(order.slice(0, order.length - trimOf(agreed)));
    }),
  },
  "random-rank": {
    ...PLAIN,
    selected: eachArm((agreed, arm) => {
      const order = agreed.inOrder(agreed.filter, (seat) => agreed.value(seat, arm));
      const drawn = integer(keccak(agreed.seed, uint(arm, 4)));
      return [order[Number((BigInt(order.length) * drawn) >> 256n)]!];
    }),
  },
  "huber-one-step": {
    version: 1,
    options: { clip: UINT32 },
    selected: eachArm((agreed, arm) => {
      const { median, r, half } = huberOneStep(agreed, arm);
      return agreed.filter.filter((seat) => Math.abs(agreed.value(seat, arm) - median) <= Math.max(r, half));
    }),
    means: (agreed) =>
      agreed.arms.map((arm) => {
        const { column, median, r } = huberOneStep(agreed, arm);
        return median + Math.floor(sumOf(column.map((value) => clip(value - median, r))) / column.length);
      }),
    worth: (n) => n,
  },
  huber: {
    version: 1,
    options: { clip: UINT32 },
    means: (agreed) =>
      agreed.arms.map((arm) => {
        const column = agreed.column(arm);
        const median = lowerMedian(column);
        const spread = lowerMedian(column.map((value) => Math.abs(value - median)));
        const k = Math.max(Number((BigInt(agreed.options.clip!) * BigInt(spread)) / BigInt(UNIT)), 1);
        const balance = (y: number): number => sumOf(column.map((value) => clip(value - y, k)));
        return lowest(column[0]!, column[column.length - 1]!, (y) => balance(y) <= 0);
      }),
  },
  "nash-mean": {
    ...PLAIN,
    means: (agreed) =>
      agreed.arms.map((arm) => {
        const column = agreed.column(arm);
        const welfare = (y: number): bigint =>
          column.reduce((product, value) => product * BigInt(UNIT - Math.abs(value - y)), 1n);
        return lowest(column[0]!, column[column.length - 1]!, (y) => welfare(y + 1) <= welfare(y));
      }),
  },
  "uniform-phantom": {
    ...PLAIN,
    means: (agreed) =>
      agreed.arms.map((arm) => {
        const n = agreed.filter.length;
        const phantoms = Array.from({ length: n - 1 }, (_, at) => Math.floor(((at + 1) * UNIT) / n));
        return ascending([...agreed.column(arm), ...phantoms])[n - 1]!;
      }),
  },
  "rank-vote": {
    version: 2,
    options: {},
    means: (agreed) => {
      const medians = agreed.arms.map((arm) => lowerMedian(agreed.column(arm)));
      const votes = agreed.arms.map((arm) =>
        sumOf(
          agreed.filter.map((seat) => {
            const [row, own] = [agreed.row(seat), agreed.value(seat, arm)];
            return row.filter((value) => value < own).length + row.filter((value) => value <= own).length;
          }),
        ),
      );
      const order = [...agreed.arms].sort(
        (one, other) => votes[one]! - votes[other]! || medians[one]! - medians[other]! || one - other,
      );
      const ladder = ascending(medians);
      return agreed.arms.map((arm) => ladder[order.indexOf(arm)]!);
    },
    worth: ofMedian,
  },
  "geometric-median": {
    version: 1,
    options: { nu: UINT32, iterations: [1, 64] },
    means: (agreed) => {
      const rows = agreed.filter.map((seat) => agreed.row(seat).map((value) => BigInt(value) << 32n));
      const least = BigInt(agreed.options.nu!) << 32n;
      const weighted = (weights: bigint[]): bigint[] =>
        agreed.arms.map((arm) => sumOfBig(rows.map((row, at) => weights[at]! * row[arm]!)) / sumOfBig(weights));
      let point = weighted(rows.map(() => 1n));
      for (let step = 0; step < agreed.options.iterations!; ++step)
        point = weighted(rows.map((row) => (1n << 128n) / larger(isqrt(squares(row, point)), least)));
      return point.map((value) => Number((value + (1n << 31n)) >> 32n));
    },
  },
  "centred-clipping": {
    version: 1,
    options: { radius: UINT32, iterations: [1, 16] },
    means: (agreed) => {
      const rows = agreed.filter.map((seat) => agreed.row(seat).map(BigInt));
      const most = (BigInt(agreed.options.radius!) << 64n) ** 2n;
      let centre = (agreed.inForce ?? agreed.arms.map((arm) => lowerMedian(agreed.column(arm)))).map((value) =>
        BigInt(Math.min(value, UNIT)),
      );
      for (let step = 0; step < agreed.options.iterations!; ++step) {
        const from = centre;
        const shares = rows.map((row) => smaller(1n << 64n, isqrt(most / larger(squares(row, from), 1n))));
        centre = from.map((value, arm) => {
          const moved = sumOfBig(rows.map((row, at) => shares[at]! * (row[arm]! - value)));
          return value + floorDiv(moved, BigInt(rows.length) << 64n);
        });
      }
      return centre.map(Number);
    },
  },
};

/** A declared aggregation that this page knows; null for another. */
function known(rule: Rule | undefined): Aggregation | null {
  const found = rule && !rule.foreign && Object.hasOwn(AGGREGATIONS, rule.name) ? AGGREGATIONS[rule.name] : undefined;
  const names = Object.keys(found?.options ?? {}).sort();
  return found && found.version === rule!.version && names.join() === Object.keys(rule!.options).sort().join()
    ? found
    : null;
}

const aggregationOf = (game: Game): Aggregation | null => known(game.rules.get("aggregation"));

/** Bounds of the options of the game's aggregation. */
export const boundsOf = (game: Game): Record<string, Bounds> => aggregationOf(game)?.options ?? {};

/** Whether estimators are floored means over the selected; null for a rule that this page does not know. */
export function isOverASet(game: Game): boolean | null {
  const rule = aggregationOf(game);
  return rule && !rule.means;
}

/** What the declared aggregation gives; null where this page does not compute it. */
export interface Estimate {
  selected: number[][];
  /** Estimators; null where they are the floored means over the selected. */
  means: number[] | null;
}

export function estimateOf(
  game: Game,
  reports: Map<number, Report>,
  candidates: number[][],
  seed: Uint8Array,
  nRef: number[],
  inForce: number[] | null,
): Estimate | null {
  const rule = aggregationOf(game);
  if (!rule) return null;
  const { options } = game.rules.get("aggregation")!;
  const agreed = new Agreed(game, options, reports, candidates, seed, nRef, inForce);
  const means = (): number[] => (agreed.filter.length ? rule.means!(agreed) : agreed.arms.map(() => NOBODY));
  return {
    selected: rule.selected?.(agreed) ?? agreed.arms.map(() => agreed.filter),
    means: rule.means ? means() : null,
  };
}

/** What the estimator of an arm counts for in the width, of a filter of so many; null where this page does not know. */
export function worthOf(game: Game, selected: number[], n: number): number | null {
  const rule = aggregationOf(game);
  return rule && Math.max(1, rule.worth?.(n) ?? selected.length);
}

export const filterSize = (candidates: number[][]): number => filter(candidates).length;
