// What Hardhat builds from contracts/ is what chain-bandit deploys, byte for byte apart from immutable values.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import hre from "hardhat";

const root = hre.config.paths.root;
const ours = join(root, ".venv/bin/chain-bandit");
const chainBandit = existsSync(ours) ? ours : "chain-bandit";

function masked(code, references) {
  const bytes = Buffer.from(code.slice(2), "hex");
  for (const { start, length } of Object.values(references).flat()) bytes.fill(0, start, start + length);
  return bytes.toString("hex");
}

test("chain-bandit deploys to this Hardhat what this Hardhat built", async () => {
  const built = await hre.artifacts.readArtifact("ChainBandit");
  const server = await hre.network.createServer("node");
  const folder = await mkdtemp(join(tmpdir(), "chain-bandit-"));
  try {
    const { address, port } = await server.listen();
    const url = `http://${address}:${port}`;
    const command = ["deploy", "examples/small.toml", "--chain", url, "--account", "dev0"];
    const { stdout } = await promisify(execFile)(
      chainBandit, [...command, "--json", "--out", join(folder, "game.json")], { cwd: root },
    );
    const { contract } = JSON.parse(stdout);
    const request = { jsonrpc: "2.0", id: 1, method: "eth_getCode", params: [contract, "latest"] };
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(request) });
    const { result: code } = await answer.json();
    assert.ok(code.length > 10_000);
    assert.equal(masked(code, built.immutableReferences), masked(built.deployedBytecode, built.immutableReferences));
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
