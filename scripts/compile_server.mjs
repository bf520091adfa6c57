// npm's solc, kept alive: one standard JSON input a line on stdin, one output a line on stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const solc = createRequire(import.meta.url)("solc");
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.parse(solc.compile(line))) + "\n");
}
