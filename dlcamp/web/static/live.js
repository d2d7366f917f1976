// Keeps every [data-live] of a page up to date: asks its address every two seconds and fills in what it is told.
// All text goes in as text. Where the ablation or search has ended, a page marked data-reload is loaded again for its figures.
(() => {
  "use strict";
  const EVERY = 2000;
  const AWAY = 5000;

  function fill(box, state) {
    for (const place of box.querySelectorAll("[data-field]")) {
      const { field, before = "", after = "", else: otherwise = "" } = place.dataset;
      const value = state[field];
      place.textContent = value ? before + value + after : otherwise;
    }
    for (const place of box.querySelectorAll("[data-when]")) place.hidden = !state[place.dataset.when];
    for (const bar of box.querySelectorAll("[data-progress]")) {
      bar.setAttribute("aria-valuemax", state.all);
      bar.setAttribute("aria-valuenow", state.done + state.failed + (state.pruned || 0));
      for (const part of bar.children) {
        part.style.width = state.all ? `${(100 * state[part.className]) / state.all}%` : "0";
      }
    }
    for (const body of box.querySelectorAll("[data-rows]")) {
      const made = body.dataset.rows === "trials" ? (row) => trial(row, body.dataset.runs) : line;
      if (state.rows.length) body.replaceChildren(...state.rows.map(made));
    }
  }

  function cell(tag, text, kind = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function line(row) {
    const made = document.createElement("tr");
    const done = cell("td", "");
    const bar = cell("span", "", "small-bar");
    const part = document.createElement("i");
    part.style.width = `${(100 * row.done) / row.all}%`;
    bar.append(part);
    done.append(bar, `${row.done}/${row.all}`);
    if (row.failed) {
      const failed = cell("small", `${row.failed} failed`, "lost");
      failed.title = row.error;
      done.append(" ", failed);
    }
    const mean = cell("td", "", "n");
    mean.append(cell("b", row.mean));
    made.append(cell("th", row.label), mean, done, cell("td", row.running, "soft"));
    return made;
  }

  function trial(row, runs) {
    const made = document.createElement("tr");
    if (row.best) made.className = "best";
    const name = cell(runs && row.run ? "a" : "span", row.number, "run");
    if (runs && row.run) name.href = runs + row.run;
    const head = cell("th", "");
    head.append(name);
    if (row.best) head.append(" ", cell("small", "best"));
    const state = cell("td", "");
    state.append(cell("span", row.state, `status ${row.state}`));
    made.append(head, state);
    for (const value of row.objectives) {
      const shown = cell("td", "", "n");
      shown.append(cell("b", value));
      made.append(shown);
    }
    made.append(...row.values.map((value) => cell("td", value, "n")), cell("td", row.took, "n soft"));
    return made;
  }

  async function follow(box) {
    const away = box.querySelector("[data-away]");
    for (;;) {
      let wait = EVERY;
      if (!document.hidden) {
        try {
          const answer = await fetch(box.dataset.live, { cache: "no-store" });
          if (!answer.ok) throw new Error(answer.status);
          const state = await answer.json();
          if (state.ended && "reload" in box.dataset) return location.reload();
          fill(box, state);
          if ("reload" in box.dataset) document.title = document.title.replace(/^\d+\/\d+/, `${state.done}/${state.all}`);
          if (state.ended) return;
          if (away) away.hidden = true;
        } catch {
          if (away) away.hidden = false;
          wait = AWAY;
        }
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  for (const box of document.querySelectorAll("[data-live]")) follow(box);
})();
