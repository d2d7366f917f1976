// Draws every .chart of a page when it comes into view, in the page's colours, narrow where there is little room.
// Needs Plotly before it. Uses no storage and reaches for no other page, so that it works in a sandboxed frame.
(() => {
  "use strict";
  const NARROW = 620;
  const OPTIONS = { responsive: true, displayModeBar: false };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function merge(base, over) {
    for (const [key, value] of Object.entries(over)) {
      base[key] = isObject(value) && isObject(base[key]) ? merge(base[key], value) : value;
    }
    return base;
  }

  function themed(layout) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return merge(layout, {
      font: { color: colour("--soft") },
      legend: { font: { color: colour("--ink") } },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    });
  }

  function draw(box) {
    if (!box.clientWidth) return;
    const source = document.querySelector(`script[data-figure="${CSS.escape(box.id)}"]`);
    const { data, layout } = JSON.parse(source.textContent);
    const narrow = box.clientWidth < NARROW;
    if (narrow) merge(layout, layout.meta.narrow);
    delete layout.meta;
    box.dataset.drawn = narrow ? "narrow" : "wide";
    Plotly.react(box, data, themed(layout), OPTIONS);
  }

  const boxes = [...document.querySelectorAll(".chart")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
  }, { rootMargin: "400px" });
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const wanted = target.clientWidth < NARROW ? "narrow" : "wide";
      if (target.clientWidth && target.dataset.drawn && target.dataset.drawn !== wanted) draw(target);
    }
  });
  for (const box of boxes) { seen.observe(box); sized.observe(box); }
  dark.addEventListener("change", () => boxes.filter((box) => box.dataset.drawn).forEach(draw));

  // one of several figures of a section is shown at a time
  for (const picker of document.querySelectorAll("[data-picker]")) {
    const choices = [...picker.querySelectorAll("[data-pick]")];
    const pick = (id) => {
      for (const choice of choices) {
        choice.setAttribute("aria-pressed", String(choice.dataset.pick === id));
        document.getElementById(choice.dataset.pick).hidden = choice.dataset.pick !== id;
      }
    };
    for (const choice of choices) choice.addEventListener("click", () => pick(choice.dataset.pick));
    if (choices.length) pick(choices[0].dataset.pick);
  }

  // a printed page shows everything
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    for (const image of document.images) image.loading = "eager";
    boxes.filter((box) => !box.dataset.drawn).forEach(draw);
  });
})();
