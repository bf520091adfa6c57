// Hardhat with the pinned npm compiler and the settings that the shipped artifact is built with: nothing is downloaded.
// `npx hardhat node` is the chain that `chain-bandit run --chain hardhat` starts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { task } from "hardhat/config";

const settings = JSON.parse(readFileSync(new URL("contracts/settings.json", import.meta.url), "utf8"));
const network = JSON.parse(readFileSync(new URL("chain_bandit/chain/hardhat_network.json", import.meta.url), "utf8"));

const nodejs = task(["test", "nodejs"], "Run the tests under tests/hardhat with Node's own runner")
  .addVariadicArgument({ name: "testFiles", description: "Files to run", defaultValue: [] })
  .addFlag({ name: "noCompile", description: "Do not build first" })
  .setAction(async () => await import("./tests/hardhat/run.js"))
  .build();

export default {
  paths: { artifacts: "hardhat-artifacts", cache: "cache", sources: "contracts" },
  networks: { default: network, node: network },
  solidity: {
    version: "0.8.30",
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings,
  },
  tasks: [nodejs],
};
