"use strict";
// Draws the page's figures with Plotly, light or dark, and makes them reachable by keys. Data come from the page's one JSON element.
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const PALETTES = {
    light: {
      paper: "#ffffff", raised: "#f5f6f8", ink: "#1c2330", muted: "#566074", grid: "#e4e7ec", onunit: "#ffffff", warn: "#d55e00", shade: "rgba(213,94,0,0.15)",
      unit0: "#0072b2", unit1: "#d55e00", unit2: "#007d5a", unit3: "#b0578d", unit4: "#3d93c4", unit5: "#a66f00", unit6: "#5a5a5a", unit7: "#8a7f00",
    },
    dark: {
      paper: "#14181f", raised: "#1d232c", ink: "#e6e9ee", muted: "#a0a9b8", grid: "#2b323d", onunit: "#14181f", warn: "#ff9a4d", shade: "rgba(255,154,77,0.22)",
      unit0: "#56b4e9", unit1: "#f0894d", unit2: "#2fc79a", unit3: "#dd9fc4", unit4: "#9ad3f5", unit5: "#e6b34d", unit6: "#bfc4cc", unit7: "#f0e442",
    },
  };
  const state = { theme: "light", drawn: new Map() };

  const chosenTheme = () => root.dataset.theme || (preferred.matches ? "dark" : "light");

  // Colours are named by the page; only members whose name speaks of colour are looked up, so no text is taken for one.
  function coloured(value, palette, isColour) {
    if (typeof value === "string") return isColour && value[0] === "$" ? palette[value.slice(1)] || value : value;
    if (Array.isArray(value)) return value.map((item) => coloured(item, palette, isColour));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, coloured(item, palette, isColour || /color/i.test(key))]));
  }

  function themed(view, palette, height, width) {
    const base = {
      paper_bgcolor: palette.paper, plot_bgcolor: palette.paper, height, autosize: true,
      font: { color: palette.ink, size: width < 500 ? 11 : 12.5, family: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif" },
      hoverlabel: { bgcolor: palette.raised, bordercolor: palette.muted, font: { color: palette.ink, size: 13 }, align: "left" },
    };
    const layout = { ...base, ...coloured(view.layout, palette, false) };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) {
        layout[key] = { gridcolor: palette.grid, zerolinecolor: palette.grid, linecolor: palette.muted, tickcolor: palette.muted, ...layout[key] };
      }
    }
    if (width < 500) layout.margin = { ...layout.margin, l: Math.min(layout.margin.l, 44), r: 8 };
    return { traces: coloured(view.traces, palette, false), layout };
  }

  function draw(chart) {
    const key = chart.dataset.figure;
    const shown = state.drawn.get(key) || { view: 0, point: -1 };
    const view = page.figures[key][shown.view];
    const { traces, layout } = themed(view, PALETTES[state.theme], Number(chart.dataset.height), chart.clientWidth);
    const options = { responsive: true, displaylogo: false, displayModeBar: chart.clientWidth < 500 ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
    state.drawn.set(key, { ...shown, traces: view.traces });
    return Plotly.react(chart, traces, layout, options).then(() => {
      if (chart.dataset.listens) return;
      chart.dataset.listens = "yes";
      chart.on("plotly_click", (event) => event.points[0] && choose(event.points[0].customdata));
    });
  }

  // What the texts of the points say, without their markup: parsed where nothing is run or loaded.
  const plain = (text) => new DOMParser().parseFromString(String(text).replace(/<br>/g, ", "), "text/html").body.textContent;

  function pointsOf(traces) {
    const found = [];
    traces.forEach((trace, curve) => {
      if (trace.hoverinfo === "skip" || trace.visible === false) return;
      const texts = trace.hovertext || [];
      texts.forEach((text, at) => {
        if (Array.isArray(text)) text.forEach((cell, column) => cell && found.push({ curve, at: [at, column], text: cell }));
        else if (text) found.push({ curve, at, text, data: trace.customdata && trace.customdata[at] });
      });
    });
    return found;
  }

  function step(chart, by) {
    const shown = state.drawn.get(chart.dataset.figure);
    if (!shown) return;
    const points = pointsOf(shown.traces);
    if (!points.length) return;
    shown.point = by === "first" ? 0 : by === "last" ? points.length - 1 : (shown.point + by + points.length) % points.length;
    const point = points[shown.point];
    document.getElementById(`said-${chart.dataset.figure}`).textContent = `${plain(point.text)} (${shown.point + 1} of ${points.length})`;
    const { xaxis = "x", yaxis = "y" } = shown.traces[point.curve];
    try { Plotly.Fx.hover(chart, [{ curveNumber: point.curve, pointNumber: point.at }], `${xaxis}${yaxis}`); }
    catch { /* A kind of trace that has no such label: the text stands below the figure. */ }
  }

  function onKey(event) {
    const chart = event.currentTarget;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: "first", End: "last" };
    if (event.key in moves) { step(chart, moves[event.key]); event.preventDefault(); }
    else if (event.key === "Enter") {
      const shown = state.drawn.get(chart.dataset.figure);
      const point = shown && pointsOf(shown.traces)[shown.point];
      if (point) choose(point.data);
    }
  }

  // Architectures of a search: a click on a point or a row shows the drawing that the page already holds.
  function choose(name) {
    if (typeof name !== "string") return;
    const drawing = document.querySelector(`[data-drawing="${CSS.escape(name)}"]`);
    if (!drawing) return;
    const place = drawing.closest("[data-drawings]");
    for (const other of place.querySelectorAll("[data-drawing]")) other.hidden = other !== drawing;
    for (const button of document.querySelectorAll("[data-chooses]")) {
      button.closest("tr").setAttribute("aria-selected", String(button.dataset.chooses === name));
    }
  }

  function setTheme(theme) {
    state.theme = theme;
    const button = document.getElementById("theme");
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(theme === "dark"));
    for (const key of state.drawn.keys()) draw(document.getElementById(`figure-${key}`));
  }

  const charts = [...document.querySelectorAll("[data-figure]")];
  const isNear = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      isNear.unobserve(entry.target);
      draw(entry.target).then(() => performance.mark(`drawn-${entry.target.dataset.figure}`));
    }
  }, { rootMargin: "300px" });
  for (const chart of charts) {
    chart.style.height = `${chart.dataset.height}px`;
    chart.addEventListener("keydown", onKey);
    isNear.observe(chart);
  }
  for (const picker of document.querySelectorAll("[data-views]")) {
    picker.addEventListener("change", () => {
      const chart = document.getElementById(`figure-${picker.dataset.views}`);
      state.drawn.set(picker.dataset.views, { view: Number(picker.value), point: -1, traces: [] });
      draw(chart);
    });
  }
  for (const button of document.querySelectorAll("[data-chooses]")) button.addEventListener("click", () => choose(button.dataset.chooses));
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = chosenTheme() === "dark" ? "light" : "dark";
    setTheme(chosenTheme());
  });
  preferred.addEventListener("change", () => setTheme(chosenTheme()));

  // On paper everything is there, unfolded and light.
  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, closed: [...document.querySelectorAll("details:not([open])")] };
    for (const details of before.closed) details.open = true;
    root.dataset.theme = "light";
    for (const chart of charts) if (!state.drawn.has(chart.dataset.figure)) draw(chart);
    setTheme("light");
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    for (const details of before.closed) details.open = false;
    if (before.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
    setTheme(chosenTheme());
  });

  setTheme(chosenTheme());
  performance.mark("page-ready");
})();
