/**
 * The same checks in Node. Reads lines of JSON and answers each with one: `[FILE, HEAD or null]` with a verdict, what was
 * agreed on in a round with what the rules give of it.
 */

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { estimateOf, filterSize, worthOf } from "./aggregation.js";
import type { Report } from "./blocks.js";
import { unhex } from "./bytes.js";
import type { Game, Kind, Rule } from "./parameters.js";
import { saidOf } from "./rules.js";
import { agreements, shipped, views } from "./shipped.js";
import { verify } from "./verify.js";

interface Agreed {
  rules: [Kind, Rule][];
  liars: number;
  reports: [number, number[]][];
  candidates: number[][];
  seed: string;
  pulls: number[];
  inForce: number[] | null;
}

function answer(agreed: Agreed): object {
  const game = { rules: new Map(agreed.rules), n: { liars: agreed.liars } } as unknown as Game;
  const { reports, candidates, seed, pulls, inForce } = agreed;
  const rows = new Map(reports.map(([seat, means]) => [seat, { seat, means } as Report]));
  const n = filterSize(candidates);
  const found = estimateOf(game, rows, candidates, unhex(seed), pulls, inForce);
  return {
    ...found,
    worth: found?.selected.map((members) => worthOf(game, members, n)),
    said: reports.map(([, means]) => means.map((mean) => saidOf(game, mean))),
  };
}

async function verdict([name, head]: [string, string | null]): Promise<object> {
  const file = new Uint8Array(await readFile(name));
  return verify(file, {
    shipped,
    agreements,
    views,
    head: head === null ? null : unhex(head),
    progress: async () => undefined,
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as [string, string | null] | Agreed;
  process.stdout.write(`${JSON.stringify(Array.isArray(asked) ? await verdict(asked) : answer(asked))}\n`);
}
