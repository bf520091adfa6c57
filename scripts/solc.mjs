#!/usr/bin/env node
// The npm package solc behind the command line of the native compiler: `--version`, or `--standard-json` on stdin.
// npm's own `solcjs` prints another version string, and a `>>>` line that py-solc-x cannot read.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  console.log(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("usage: solc.mjs --version | --standard-json < input.json");
  process.exit(2);
}
