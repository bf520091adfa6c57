"use strict";
// The page of a running game asks its server for the next one and takes over the parts that have changed. What is
// focused, opened, sorted or scrolled to stays so.
const parts = (page) => [...page.body.querySelectorAll(":scope > header, :scope > section")];
const bar = document.getElementById("live");
let served = parts(document).map((part) => part.outerHTML);

const FOCUSABLE = "a, button, summary, [tabindex]";
const nameOf = (part, element) => element.getAttribute("href") ?? [...part.querySelectorAll(FOCUSABLE)].indexOf(element);
const found = (part, name) => typeof name === "number" ? part.querySelectorAll(FOCUSABLE)[name]
  : part.querySelector(`a[href="${CSS.escape(name)}"]`) ?? part.querySelector("a[href]");

const replace = (old, fresh) => {
  const focused = old.contains(document.activeElement) ? nameOf(old, document.activeElement) : null;
  const open = [...old.querySelectorAll("details")].map((each) => each.open);
  const at = [...old.querySelectorAll(".wide")].map((each) => each.scrollLeft);
  const sorted = [...old.querySelectorAll("table")].map((each) => {
    const heads = [...each.tHead.rows[0].cells];
    const column = heads.findIndex((head) => head.hasAttribute("aria-sort"));
    return column < 0 ? null : [column, heads[column].getAttribute("aria-sort") === "ascending"];
  });
  old.replaceWith(document.adoptNode(fresh));
  fresh.querySelectorAll("details").forEach((each, number) => { each.open = open[number] ?? false; });
  fresh.querySelectorAll("table").forEach((each, number) => {
    if (sorted[number]) sortBy(each.tHead.rows[0].cells[sorted[number][0]], sorted[number][1]);
  });
  fresh.querySelectorAll(".wide").forEach((each, number) => { each.scrollLeft = at[number] ?? 0; });
  if (focused !== null) found(fresh, focused)?.focus({ preventScroll: true });
};

const say = (text) => { if (bar.firstElementChild.textContent !== text) bar.firstElementChild.textContent = text; };

let version = 0;

const look = async () => {
  let page;
  try {
    const answer = await fetch(`/after/${version}`, { cache: "no-store" });  // which waits for another version
    version = Number(/\d+/.exec(answer.headers.get("ETag")) ?? 0);
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    say(bar.dataset.lost);
    setTimeout(look, 1000);
    return;
  }
  const said = page.getElementById("live"), shown = parts(document), fresh = parts(page);
  if (!said || fresh.length !== shown.length) {
    location.reload();
    return;
  }
  const texts = fresh.map((part) => part.outerHTML);
  fresh.forEach((part, number) => { if (texts[number] !== served[number]) replace(shown[number], part); });
  served = texts;
  say(said.firstElementChild.textContent);
  if (said.dataset.every) setTimeout(look, version ? 100 : 1000 * said.dataset.every);
};

bar.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [what, which] = event.target.elements;
  location.assign(`/${what.value}/${encodeURIComponent(which.value.trim())}`);
});
if (bar.dataset.every) setTimeout(look, 1000 * bar.dataset.every);
