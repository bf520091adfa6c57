// What Hardhat builds from contracts/ is what chain-bandit deploys, byte for byte apart from immutable values.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
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
  const shipped = JSON.parse(await readFile(join(root, "chain_bandit/chain/artifacts/ChainBandit.json"), "utf8"));
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
    const codeAt = async (address) => {
      const request = { jsonrpc: "2.0", id: 1, method: "eth_getCode", params: [address, "latest"] };
      const answer = await fetch(url, { method: "POST", body: JSON.stringify(request) });
      return (await answer.json()).result;
    };
    for (const { name, address } of shipped.modules) {
      const { deployedBytecode, immutableReferences } = await hre.artifacts.readArtifact(name);
      const code = await codeAt(address);
      assert.ok(code.length > 10_000);
      assert.equal(masked(code, immutableReferences), masked(deployedBytecode, immutableReferences));
    }
    const game = await codeAt(contract);
    const [[terms]] = shipped.immutableReferences;
    assert.equal(game.length, shipped.deployedBytecode.length);
    assert.equal(game.slice(0, 2 + 2 * terms), shipped.deployedBytecode.slice(0, 2 + 2 * terms));
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
