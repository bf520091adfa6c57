// `hardhat node` without a project of its own: node hardhat_node.mjs HARDHAT_PACKAGE SCRATCH_FOLDER
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [hardhat, scratch] = process.argv.slice(2);
const network = JSON.parse(readFileSync(new URL("hardhat_network.json", import.meta.url), "utf8"));
const { createHardhatRuntimeEnvironment } = await import(pathToFileURL(`${hardhat}/dist/src/hre.js`));
const hre = await createHardhatRuntimeEnvironment(
  { paths: { artifacts: `${scratch}/artifacts`, cache: `${scratch}/cache` }, networks: { node: network } }, {}, hardhat,
);
await hre.tasks.getTask("node").run({ hostname: "127.0.0.1", port: 0 });
