"use strict";
// Tables sort by a click on a column's name: first descending for numbers, ascending for text; then the other way.
const sortBy = (head, up) => {
  const table = head.closest("table"), column = head.cellIndex;
  const numeric = head.classList.contains("n");
  const key = (row) => {
    const cell = row.cells[column];
    const text = cell.dataset.key ?? cell.textContent;
    if (!numeric) return text;
    const number = parseFloat(text.replace(/,/g, "").replace("−", "-"));
    return Number.isNaN(number) ? -Infinity : number;
  };
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => (up ? 1 : -1) * (numeric ? (a > b) - (a < b) : String(a).localeCompare(String(b), "en", { numeric: true })));
  body.append(...rows.map(([, row]) => row));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
};
document.addEventListener("click", (event) => {
  const head = event.target.closest("th button")?.parentElement;
  if (!head) return;
  const before = head.getAttribute("aria-sort");
  sortBy(head, before ? before === "descending" : !head.classList.contains("n"));
});
