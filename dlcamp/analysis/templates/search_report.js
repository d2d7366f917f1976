
// Tables of trials are sorted by a click on a heading: numbers by size, other texts by their letters, gaps last.
(() => {
  "use strict";
  const sign = { ascending: 1, descending: -1 };

  function key(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.v ?? cell.textContent.trim();
    const number = Number(text.replaceAll(",", "").replace("−", "-").replace("%", ""));
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
  }

  function compare(a, b, way) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return way * (a - b);
    return way * String(a).localeCompare(String(b), "en", { numeric: true });
  }

  function sort(heading) {
    const heads = [...heading.parentNode.cells];
    const next = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const head of heads) head.setAttribute("aria-sort", head === heading ? next : "none");
    const body = heading.closest("table").tBodies[0];
    const keyed = [...body.rows].map((row) => [key(row, heads.indexOf(heading)), row]);
    keyed.sort((a, b) => compare(a[0], b[0], sign[next]));
    body.append(...keyed.map((pair) => pair[1]));
  }

  for (const heading of document.querySelectorAll("table.trials[data-sortable] thead th")) {
    heading.setAttribute("aria-sort", "none");
    heading.tabIndex = 0;
    heading.addEventListener("click", () => sort(heading));
    heading.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(heading); }
    });
  }
})();
