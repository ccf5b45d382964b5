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
  const PAPER_WIDTH = 690;
  const state = { theme: "light", isPrinting: false, drawn: new Map() };

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
    if (state.isPrinting) Object.assign(base, { width: PAPER_WIDTH, autosize: false });
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
    // No point is chosen at first: going back leads to the last one then, going on to the first.
    const from = shown.point < 0 && by < 0 ? 0 : shown.point;
    shown.point = by === "first" ? 0 : by === "last" ? points.length - 1 : (from + by + points.length) % points.length;
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

  // As report/page/numbers.py writes them.
  function digits(value, most) {
    if (!value) return "0";
    const places = Math.min(6, Math.max(0, most - 1 - Math.floor(Math.log10(Math.abs(value)))));
    return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  }
  const timeText = (us) => us < 1000 ? `${digits(us, 3)}\u00a0us` : `${digits(us / 1000, 3)}\u00a0ms`;

  // Reads an architecture, and what `diagram` draws of it, off the data of its search.
  function architecture(searchNumber, number) {
    const search = page.data.searches?.[searchNumber], each = search?.architectures[number - 1];
    if (!each) return null;
    const units = each.units.length ? each.units : ["branch 0", "branch 1"], letters = [...each.strategy];
    const base = search.base?.stages.length === letters.length ? search.base : null;
    let first = 0;
    const stages = letters.map((letter, stage) => {
      if (!base) return units.map(() => [`stage ${stage}`]);
      const { blocks, shares } = base.stages[stage], begin = first;
      first += blocks.length;
      return units.map((_, branch) => [`stage ${stage}, ${blocks[0][0]}\u00b2`, ...(each.widths ? blocks.map(([, , , inC, , outC], at) => {
        const share = letter === "c" && at === blocks.length - 1 ? shares[branch] : outC;
        return `${inC}\u2013${each.widths[branch][begin + at]}\u2013${share}`;
      }) : [blocks.length === 1 ? "1 block" : `${blocks.length} blocks`])]);
    });
    const ends = (name) => base ? [name, `${base[name][0]}\u2013${base[name][1]}`] : [name];
    return {
      title: `${each.strategy} (evaluation ${each.number}) \u00b7 accuracy ${digits(each.accuracy, 4)}`
        + (each.latency_us === null ? "" : ` \u00b7 predicted ${timeText(each.latency_us)}`),
      units, stages, syncs: letters.map((letter) => ({ n: "none", a: "add", c: "concat" })[letter] || letter),
      stem: each.stem === null ? -1 : each.stem, head: each.head, stemBox: ends("stem"), headBox: ends("head"),
    };
  }

  // Architectures: a click on a point, or on a button of a table, has one drawn in the place of its section.
  function choose(name, isAsked = true) {
    const made = typeof name === "string" && architecture(...name.split(":"));
    if (!made) return;
    const section = name.split(":")[0];
    for (const place of document.querySelectorAll("[data-diagram]")) {
      if (place.dataset.diagram.split(":")[0] !== section) continue;
      place.dataset.diagram = name;
      diagram(place, made);
      if (isAsked) place.scrollIntoView({ block: "nearest" });
    }
    for (const row of document.querySelectorAll("[data-row]")) {
      if (row.dataset.row.split(":")[0] === section) row.setAttribute("aria-selected", String(row.dataset.row === name));
    }
  }

  function svg(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return parent.appendChild(made);
  }

  // Lanes of units from left to right: stem, stages with what follows each, head.
  function diagram(place, made) {
    const lanes = made.units.length, box = 88, gap = 46, left = 52, lines = Math.max(2, ...made.stages.flat().map((each) => each.length));
    const tall = 14 * lines + 12, lane = tall + 46, width = left + (made.stages.length + 2) * (box + gap), height = lanes * lane + 8;
    place.replaceChildren();
    const title = document.createElement("p");
    title.textContent = made.title;
    place.append(title);
    const label = made.stages.map((_, at) => `stage ${at}, then ${made.syncs[at]}`).join("; ");
    const root = svg(place, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${made.units.join(" and ")}: ${label}` });
    root.style.maxWidth = `${width}px`;
    root.style.minWidth = `${Math.min(width, Math.max(900, 0.8 * width))}px`;
    const middle = (unit) => unit * lane + lane / 2;
    const column = (at) => left + at * (box + gap);
    const drawBox = (at, unit, texts) => {
      svg(root, "rect", { x: column(at), y: middle(unit) - tall / 2, width: box, height: tall, rx: 5, class: "box", "data-unit": unit });
      texts.forEach((text, line) => svg(root, "text", { x: column(at) + box / 2, y: middle(unit) - (texts.length - 1) * 7 + line * 14 + 4,
        "text-anchor": "middle", class: line ? "small" : "" }, text));
    };
    const wire = (at, from, to, kind, isOfStem = false) => svg(root, "path", { class: "wire", "data-wire": kind,
      d: from === to ? `M${column(at) - gap} ${middle(from)}H${column(at)}` : isOfStem ? `M${column(at) - gap} ${middle(from)}L${column(at)} ${middle(to)}`
        : `M${column(at) - gap} ${middle(from)}L${column(at) - gap / 2 - 9} ${middle(to) + (from < to ? -9 : 9)}` });
    const sync = (at, unit, word) => {
      const x = column(at) - gap / 2;
      svg(root, "circle", { cx: x, cy: middle(unit), r: 10, class: "box", "data-sync": word });
      svg(root, "text", { x, y: middle(unit) + 4, "text-anchor": "middle" }, word === "add" ? "+" : "\u2225");
      svg(root, "text", { x, y: middle(unit) + (unit < lanes / 2 ? -16 : 24), "text-anchor": "middle", class: "small" }, word);
    };
    for (let unit = 0; unit < lanes; unit += 1) {
      svg(root, "text", { x: 0, y: middle(unit) + 4 }, made.units[unit]);
      if (made.stem < 0 || made.stem === unit) drawBox(0, unit, made.stemBox);
      if (made.stem < 0 || made.stem === unit) wire(1, unit, unit, "own"); else wire(1, made.stem, unit, "handover", true);
      made.stages.forEach((branches, at) => drawBox(at + 1, unit, branches[unit]));
    }
    made.syncs.forEach((word, at) => {
      const isLast = at === made.syncs.length - 1;
      for (let unit = 0; unit < lanes; unit += 1) {
        if (isLast && unit !== made.head) continue;
        wire(at + 2, unit, unit, "own");
        if (word === "none") continue;
        for (let other = 0; other < lanes; other += 1) if (other !== unit) wire(at + 2, other, unit, "handover");
        sync(at + 2, unit, word);
      }
    });
    drawBox(made.stages.length + 1, made.head, made.headBox);
  }

  // Graphs: pictures of the page itself, with keys from box to box, a size, and what is said of a box.
  function graph(place) {
    const svg = place.querySelector("svg"), points = [...place.querySelectorAll("[data-point]")];
    const said = document.getElementById(`said-${place.dataset.graph}`);
    const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
    let at = -1, scale = 1;
    const show = (number, isKey) => {
      if (at >= 0) points[at].classList.remove("at");
      at = number;
      points[at].classList.add("at");
      said.textContent = `${points[at].getAttribute("aria-label")} (${at + 1} of ${points.length})`;
      if (!isKey) return;
      const box = points[at].getBoundingClientRect(), frame = place.getBoundingClientRect();
      if (box.top < frame.top) place.scrollTop -= frame.top - box.top + 20;
      else if (box.bottom > frame.bottom) place.scrollTop += box.bottom - frame.bottom + 20;
      if (box.left < frame.left) place.scrollLeft -= frame.left - box.left + 20;
      else if (box.right > frame.right) place.scrollLeft += box.right - frame.right + 20;
    };
    const centre = () => { place.scrollLeft = (place.scrollWidth - place.clientWidth) / 2; };
    const resize = (to) => {
      const middle = (place.scrollTop + place.clientHeight / 2) / place.scrollHeight, before = scale;
      const whole = Math.min(place.clientWidth / width, parseFloat(getComputedStyle(place).maxHeight) / height, 1);
      scale = to === "whole" ? whole : to === "one" ? 1 : Math.min(3, Math.max(0.1, before * (to === "in" ? 1.25 : 0.8)));
      svg.setAttribute("width", String(Math.round(width * scale)));
      svg.setAttribute("height", String(Math.round(height * scale)));
      place.scrollTop = middle * place.scrollHeight - place.clientHeight / 2;
      centre();
    };
    // A picture that is chosen later has no size until then.
    new ResizeObserver((_, observer) => { if (place.clientWidth) { centre(); observer.disconnect(); } }).observe(place);
    place.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }, sizes = { "+": "in", "-": "out", "0": "one" };
      if (event.ctrlKey || event.metaKey || event.altKey || !points.length) return;
      if (event.key in moves) show(at < 0 ? (moves[event.key] > 0 ? 0 : points.length - 1) : (at + moves[event.key] + points.length) % points.length, true);
      else if (event.key === "Home") show(0, true);
      else if (event.key === "End") show(points.length - 1, true);
      else if (event.key in sizes) resize(sizes[event.key]);
      else return;
      event.preventDefault();
    });
    points.forEach((point, number) => point.addEventListener("mouseenter", () => show(number, false)));
    for (const button of place.parentElement.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => resize(button.dataset.zoom));
  }

  function setTheme(theme) {
    state.theme = theme;
    const button = document.getElementById("theme");
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(theme === "dark"));
    if (window.Plotly) for (const key of state.drawn.keys()) draw(document.getElementById(`figure-${key}`));
  }

  function decoded(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const letters = atob(text), bytes = new Uint8Array(letters.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = letters.charCodeAt(at);
    return bytes;
  }

  // The plotting library stands in the page compressed; its text has the digest that the page's policy allows.
  async function unpack() {
    const packed = document.getElementById("library");
    if (!packed) return false;
    try {
      const bytes = decoded(packed.textContent);
      const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
      packed.remove();
      const script = document.createElement("script");
      script.textContent = text;
      document.head.append(script);
    } catch {
      for (const chart of charts) chart.textContent = "This browser cannot unpack the figures; the tables say the same.";
      return false;
    }
    performance.mark("library-ready");
    return true;
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
  }
  for (const picker of document.querySelectorAll("[data-views]")) {
    picker.addEventListener("change", () => {
      state.drawn.set(picker.dataset.views, { view: Number(picker.value), point: -1, traces: [] });
      if (window.Plotly) draw(document.getElementById(`figure-${picker.dataset.views}`));
    });
  }
  for (const place of document.querySelectorAll("[data-graph]")) graph(place);
  for (const picker of document.querySelectorAll("[data-shows]")) {
    picker.addEventListener("change", () => {
      document.querySelectorAll(`[data-view="${picker.dataset.shows}"]`).forEach((view, number) => { view.hidden = number !== Number(picker.value); });
    });
  }
  for (const button of document.querySelectorAll("[data-chooses]")) button.addEventListener("click", () => choose(button.dataset.chooses));
  for (const place of document.querySelectorAll("[data-diagram]")) choose(place.dataset.diagram, false);
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
    state.isPrinting = true;
    if (window.Plotly) for (const chart of charts) if (!state.drawn.has(chart.dataset.figure)) draw(chart);
    setTheme("light");
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    state.isPrinting = false;
    for (const details of before.closed) details.open = false;
    if (before.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
    setTheme(chosenTheme());
  });

  setTheme(chosenTheme());
  performance.mark("page-ready");
  unpack().then((isThere) => { if (isThere) for (const chart of charts) isNear.observe(chart); });
})();
