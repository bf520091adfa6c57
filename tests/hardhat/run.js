// The task `test nodejs`: Node's test runner over this folder; any failure, or nothing to run, makes Hardhat exit with 1.
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { errorResult, successfulResult } from "hardhat/utils/result";

export default async function ({ testFiles, noCompile }, hre) {
  if (!noCompile) await hre.tasks.getTask("build").run({});
  const files = testFiles.length ? testFiles : globSync(`${hre.config.paths.root}/tests/hardhat/*.test.js`);
  const summary = { passed: 0, failed: 0 };
  const tests = run({ files, concurrency: false });
  tests.on("test:pass", () => summary.passed++).on("test:fail", () => summary.failed++);
  for await (const text of tests.compose(new spec())) process.stdout.write(text);
  return summary.failed || !summary.passed ? errorResult({ summary }) : successfulResult({ summary });
}
