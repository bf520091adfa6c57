/** Gas that is enough for a call by its method and sizes, as `chain_bandit/protocol/transaction.py` says it. */

import { blockOf } from "./blocks.js";
import { Reader } from "./bytes.js";
import type { Transaction } from "./chain.js";
import type { Game } from "./parameters.js";

const MOST = 2 ** 24;
const SEATS = 256;
const LISTLESS = 256;

const ofCall = (size: number, seats = 0): number => 1_000_000 + 150 * size + 12_000 * seats;

/** Gas with which no such call runs out of it, whatever the state of the game. */
function enough(game: Game, name: string, data: Uint8Array): number {
  const size = data.length;
  const { participants } = game.n;
  switch (name) {
    case "submitBlocks":
      try {
        return ofBlocks(game, data.subarray(4));
      } catch {
        return ofCall(size);
      }
    case "settleRewards":
      return ofCall(size, SEATS) + 250 * size;
    case "settleSums":
      return MOST;
    case "open":
    case "settleCosts":
      return ofCall(size, 2 * SEATS);
    case "reveal":
    case "revealSeal":
    case "close":
      return ofCall(size);
  }
  return 200_000 + 150 * size + 3_000 * participants;
}

function ofBlocks(game: Game, data: Uint8Array): number {
  const read = new Reader(data);
  const { participants } = game.n;
  let [blocks, signatures] = [0, 0];
  do {
    signatures += blockOf(read, game, new Map()).signers.length;
    ++blocks;
  } while (read.left);
  const size = data.length;
  const apart = Math.max(50 * size, 30 * size + 3_100 * signatures + 3_000 * participants);
  return 100_000 + apart + blocks * (15_000 + 1_000 * participants);
}

/** Whether a failed call may have run out of gas: a receipt is signed by nobody, the limit by the sender. */
export function mayHaveRunOut(game: Game, name: string | null, transaction: Transaction, gas: bigint): boolean {
  const { authorizations, data, size } = transaction;
  if (!authorizations && (transaction.gas - gas) * 21n > transaction.gas) return false;
  const lists = 150 * Math.max(0, size - data.length - LISTLESS) + 25_000 * authorizations;
  return transaction.gas < BigInt(enough(game, name ?? "", data) + lists);
}
