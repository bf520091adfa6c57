/** The page: takes a file, shows the verdict. Whatever comes from a file is put in as text, never as markup. */

import { unhex } from "./bytes.js";
import type { Tally } from "./checks.js";
import { agreements, shipped, views } from "./shipped.js";
import { verify, type Result } from "./verify.js";

type State = "failed" | "open" | "trusted" | "passed";

const WORDS: Record<State, string> = { failed: "Failed", open: "Not checked", trusted: "Trusted", passed: "Passed" };
const HEADS: Record<State, string> = {
  failed: "Failed",
  open: "Not checked, or not in full",
  trusted: "Trusted, not recomputed",
  passed: "Passed",
};
const VERDICTS: Record<Result["verdict"], { state: State; sentence: string }> = {
  passed: { state: "passed", sentence: "Everything that this page checks follows the rules." },
  unreadable: { state: "open", sentence: "This file cannot be read: it is cut off, damaged, or no export." },
  violated: { state: "failed", sentence: "This file breaks the rules." },
  incomplete: { state: "open", sentence: "No check failed, but some could not be made." },
};

const byId = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;
const [input, drop, kept, busy, bar, doing, result] = [
  byId<HTMLInputElement>("file"),
  document.querySelector<HTMLElement>(".give")!,
  byId<HTMLInputElement>("head"),
  byId("busy"),
  byId<HTMLProgressElement>("bar"),
  byId("doing"),
  byId("result"),
];

function made(tag: string, name: string, ...content: (string | Node)[]): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...content);
  return element;
}

const stateOf = (tally: Tally): State =>
  tally.failed ? "failed" : tally.open ? "open" : tally.trusted ? "trusted" : "passed";

function counted(tally: Tally): string {
  const parts: [number, string][] = [
    [tally.failed, "failed"],
    [tally.open, "not checked"],
    [tally.trusted, "trusted"],
    [tally.passed, "passed"],
  ];
  return parts.flatMap(([count, word]) => (count ? [`${count.toLocaleString("en")} ${word}`] : [])).join(", ");
}

function row({ id, proves, tally }: Result["checks"][number]): HTMLElement {
  const state = stateOf(tally);
  const what = made("div", "what", `${proves}.`, made("code", "", id));
  if (tally.failure) what.append(made("p", "failed", `First at ${tally.failure}.`));
  for (const reason of tally.reasons)
    what.append(made("p", tally.open ? "open" : "trusted", `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`));
  return made("li", "", made("span", `mark ${state}`, WORDS[state]), what, made("span", "count", counted(tally)));
}

function show(name: string, found: Result): void {
  const { state, sentence } = VERDICTS[found.verdict];
  const facts = made("dl", "");
  for (const fact of found.facts) facts.append(made("div", "", made("dt", "", fact.name), made("dd", "", fact.value)));
  const parts: Node[] = [
    made("p", `verdict ${state}`, sentence),
    made("p", "quiet", `${name}${found.head ? ` ends with block ${found.head}` : ""}`),
    facts,
  ];
  for (const kind of ["failed", "open", "trusted", "passed"] as const) {
    const own = found.checks.filter((check) => stateOf(check.tally) === kind);
    if (own.length) parts.push(made("h2", "", `${HEADS[kind]} (${own.length})`), made("ul", "", ...own.map(row)));
  }
  result.replaceChildren(...parts);
  result.dataset.verdict = found.verdict;
  result.hidden = false;
  result.focus();
}

let turn = 0;

/** Lets the browser draw and handle events; a later file ends the reading of an earlier one. */
async function progress(mine: number, share: number): Promise<void> {
  if (mine !== turn) throw new Error("another file was given");
  bar.value = share;
  await new Promise((resolve) => setTimeout(resolve));
}

async function look(file: File): Promise<void> {
  const mine = ++turn;
  result.hidden = true;
  delete result.dataset.verdict;
  busy.hidden = false;
  doing.textContent = `Reading ${file.name}`;
  const said = kept.value.trim().toLowerCase();
  let head: Uint8Array | null = null;
  try {
    if (said) head = unhex(said.startsWith("0x") ? said : `0x${said}`);
    kept.removeAttribute("aria-invalid");
    if (head && head.length !== 32) throw new Error("it has not 32 bytes");
  } catch {
    kept.setAttribute("aria-invalid", "true");
    doing.textContent = "The hash that you kept is none: it has 64 hexadecimal digits.";
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const found = await verify(bytes, {
    shipped,
    agreements,
    views,
    head,
    progress: (share) => progress(mine, share),
  });
  if (mine !== turn) return;
  busy.hidden = true;
  show(file.name, found);
}

let latest: File | undefined;
const given = (files: FileList | null | undefined): void => {
  latest = files?.[0] ?? latest;
  if (latest) void look(latest);
};
input.addEventListener("change", () => given(input.files));
kept.addEventListener("change", () => given(null));
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
for (const name of ["dragleave", "drop"])
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.remove("over");
  });
document.addEventListener("drop", (event) => given(event.dataTransfer?.files));
