// `hardhat node` without a project of its own: node hardhat_node.mjs HARDHAT_PACKAGE '{"network": {...}, "scratch": DIR}'
import { pathToFileURL } from "node:url";

const [hardhat, text] = process.argv.slice(2);
const { network, scratch } = JSON.parse(text);
const { createHardhatRuntimeEnvironment } = await import(pathToFileURL(`${hardhat}/dist/src/hre.js`));
const hre = await createHardhatRuntimeEnvironment(
  {
    paths: { artifacts: `${scratch}/artifacts`, cache: `${scratch}/cache` },
    networks: { node: { type: "edr-simulated", chainType: "l1", ...network } },
  },
  {},
  hardhat,
);
await hre.tasks.getTask("node").run({ hostname: "127.0.0.1", port: 0 });
