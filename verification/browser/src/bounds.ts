/** Bounds among a game's parameters (docs/protocol.md). */

import { boundsOf } from "./aggregation.js";
import { UNIT } from "./bytes.js";
import type { Ledger } from "./checks.js";
import { quorumOf, type Game } from "./parameters.js";
import { stepOf } from "./rules.js";

/** Holds parameters and pool against the bounds that a game keeps within. */
export function checkParameters(game: Game, pool: bigint, ledger: Ledger): void {
  const { participants: M, arms: K, horizon: T, burnIn: L, liars: f, attackers: m } = game.n;
  const { validators, stake, weiPerUnit, slash, unrevealedPenalty, threshold, growth, denominator, numerator } =
    game.words;
  const N = Number(validators);
  const aggregation = game.rules.get("aggregation");
  const step = stepOf(game);
  const dearest = BigInt(T) * BigInt(UNIT) * weiPerUnit;
  const bounds: [string, boolean][] = [
    ["there are arms and participants", K >= 1 && M >= 1],
    ["the burn-in is a multiple of the arms, of two turns at least", L % K === 0 && L >= 2 * K],
    ["the horizon is not before the end of the burn-in", T >= L],
    ["2m + 1 ≤ N ≤ M", 2 * m + 1 <= N && N <= M],
    ["M ≥ 2f + m + 1", M >= 2 * f + m + 1],
    ["M ≥ 3f + 1 under Option 1", aggregation?.name !== "option-1" || M >= 3 * f + 1],
    ["M ≥ 2f + 3 under Krum", aggregation?.name !== "krum" || M >= 2 * f + 3],
    [
      "options of rules are within their bounds",
      (step === null || (step >= 1 && step <= UNIT)) &&
        Object.entries(boundsOf(game)).every(([name, [least, most]]) => {
          const value = aggregation!.options[name]!;
          return value >= least && value <= most;
        }),
    ],
    ["a quorum of N is at most N − m", game.drawn || quorumOf(game, N) <= N - m],
    ["the threshold is 2 at least", threshold >= 2n],
    ["the exploration is positive", numerator > 0n && denominator > 0n],
    ["the stake covers the dearest cost, the penalty and the slash", stake >= dearest + unrevealedPenalty + slash],
    ["the pool covers all rewards and costs", pool >= 2n * BigInt(M) * dearest],
    [
      "classes of trust are those of the game",
      (game.words.attested & 3n) !== 1n && (game.words.attested & 3n) !== 2n && (!game.compact || game.attested),
    ],
    [
      "phases are of open games in which all validate",
      growth === 0n || (growth <= 4n * BigInt(UNIT) && !game.sealed && !game.committees && T < 2 ** 23),
    ],
    [
      "reports have an integer an arm, one more where false reports can be proven",
      game.n.payload === K || game.provable,
    ],
  ];
  for (const [name, holds] of bounds) ledger.hold("game.parameters", holds, `it does not hold that ${name}`);
}
