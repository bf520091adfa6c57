// Hardhat with the pinned npm compiler and the settings that the shipped artifact is built with: nothing is downloaded.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const settings = JSON.parse(readFileSync(new URL("contracts/settings.json", import.meta.url), "utf8"));

export default {
  paths: { artifacts: "hardhat-artifacts", cache: "cache", sources: "contracts" },
  solidity: {
    version: "0.8.30",
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings,
  },
};
