/** Builds the page, one HTML file: `node verification/browser/build.mjs [PAGE [NODE_MODULE]]`. */

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { build } from "esbuild";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [page = here("../../docs/verify.html"), module_] = process.argv.slice(2);

const artifactOf = async (name) =>
  JSON.parse(await readFile(here(`../../chain_bandit/chain/artifacts/${name}.json`), "utf8"));
const codeOf = (artifact, bytes) => {
  const code = hexToBytes(artifact.bytecode.replace(/^0x/, "")).subarray(0, bytes);
  return { length: code.length, digest: `0x${bytesToHex(keccak_256(code))}` };
};
const artifact = await artifactOf("ChainBandit");
const signature = ({ name, inputs }) => `${name}(${inputs.map(type).join()})`;
const type = (input) => input.type.replace("tuple", input.components ? `(${input.components.map(type).join()})` : "");
const shipped = {
  ...codeOf(artifact, -32), // the field ends with the word that names the implementation
  implementation: artifact.modules.find((each) => each.name === "ChainBandit").address,
  views: artifact.abi
    .filter((each) => each.type === "function" && ["view", "pure"].includes(each.stateMutability))
    .map((each) => bytesToHex(keccak_256(utf8ToBytes(signature(each))).subarray(0, 4))),
};

const agreements = codeOf(await artifactOf("Tokens"));

async function bundled(entry, platform) {
  const { outputFiles } = await build({
    entryPoints: [here(entry)],
    bundle: true,
    write: false,
    platform,
    format: platform === "node" ? "esm" : "iife",
    target: "es2022",
    minify: true,
    legalComments: "none",
    charset: "ascii",
    define: { SHIPPED: JSON.stringify(shipped), AGREEMENTS: JSON.stringify(agreements) },
  });
  return outputFiles[0].text.replaceAll("</script", "<\\/script").trim();
}

if (module_) await writeFile(module_, await bundled("src/node.ts", "node"));
const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const script = await bundled("src/page.ts", "browser");
const style = (await readFile(here("src/page.css"), "utf8")).trim();
const policy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const template = await readFile(here("src/page.html"), "utf8");
await writeFile(
  page,
  template
    .replace("{{policy}}", () => policy)
    .replace("{{style}}", () => style)
    .replace("{{script}}", () => script),
);
