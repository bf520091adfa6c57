/** The same checks in Node: reads lines of `[FILE, HEAD or null]` in JSON, and prints a verdict a line, as JSON. */

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { unhex } from "./bytes.js";
import { shipped, views } from "./shipped.js";
import { verify } from "./verify.js";

for await (const line of createInterface({ input: process.stdin })) {
  const [name, head] = JSON.parse(line) as [string, string | null];
  const file = new Uint8Array(await readFile(name));
  const result = await verify(file, {
    shipped,
    views,
    head: head === null ? null : unhex(head),
    progress: async () => undefined,
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
