// Charts: fetched and drawn when they come into sight, in the colours of the theme, each with its numbers
// as a table.  A colour comes as the name of a token, `var(--used)`.
"use strict";
(() => {
  const source = document.currentScript.dataset.plotly;
  const CONFIG = {
    displaylogo: false,
    showSendToCloud: false,
    plotlyServerURL: "",
    responsive: true,
    displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    locale: document.documentElement.lang === "fr" ? "fr" : "en-US",
    scrollZoom: false,
  };
  let library = null;

  function load() {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => resolve(window.Plotly);
      script.onerror = reject;
      document.head.append(script);
    });
    return library;
  }

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  function colour(token) {
    probe.style.color = token;
    return getComputedStyle(probe).color;
  }
  function coloured(value, known = new Map()) {
    if (typeof value === "string") {
      if (!value.startsWith("var(--")) return value;
      if (!known.has(value)) known.set(value, colour(value));
      return known.get(value);
    }
    if (Array.isArray(value)) return value.map((each) => coloured(each, known));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, known)]));
    }
    return value;
  }

  async function draw(chart, isLast) {
    const area = chart.querySelector(".chart-area");
    const [, answered] = await Promise.all([load(), answerOf(chart)]);
    if (!isLast()) return; // something else was chosen while this was fetched
    chart.figure = answered.figure;
    chart.dataset.answered = answered.address;
    area.querySelector("p")?.remove();
    area.style.minHeight = `${chart.figure.layout.height}px`;
    await put(chart);
    chart.dataset.drawn = "";
    table(chart, chart.figure.layout.meta);
  }

  function put(chart, width) {
    const { data, layout } = coloured(chart.figure);
    layout.font = { ...layout.font, family: getComputedStyle(document.body).fontFamily };
    if (width) layout.width = width;
    return window.Plotly.react(chart.querySelector(".chart-area"), data, layout, CONFIG);
  }

  async function answerOf(chart) {
    const url = new URL(chart.dataset.chart, location.href);
    const choice = chart.querySelector("[data-chart-choice]:checked");
    if (choice) url.searchParams.set(choice.name, choice.value);
    if (chart.dataset.answered === url.href) return { address: url.href, figure: chart.figure };
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (answer.redirected) location.reload(); // to the sign-in page: the session has ended
    if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status}`);
    return { address: url.href, figure: await answer.json() };
  }

  function table(chart, numbers) {
    const place = chart.querySelector("[data-chart-table]");
    if (!place || !numbers) return;
    const cell = (tag, text, index) => {
      const made = document.createElement(tag);
      made.textContent = text;
      if (index > 0) made.className = "num";
      return made;
    };
    const row = (tag, cells) => {
      const made = document.createElement("tr");
      made.append(...cells.map((text, index) => cell(index === 0 && tag === "td" ? "th" : tag, text, index)));
      return made;
    };
    const made = document.createElement("table");
    made.append(document.createElement("thead"), document.createElement("tbody"));
    made.tHead.append(row("th", numbers.head));
    made.tBodies[0].append(...numbers.rows.map((cells) => row("td", cells)));
    const box = document.createElement("div");
    box.className = "table-box";
    box.tabIndex = 0;
    box.append(made);
    place.replaceChildren(box);
  }

  function tried(chart) {
    const mine = (chart.tries = (chart.tries || 0) + 1);
    const isLast = () => mine === chart.tries;
    draw(chart, isLast).catch((error) => {
      if (isLast()) chart.querySelector(".chart-area").textContent = String(error.message);
    });
  }

  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        sight.unobserve(entry.target);
        tried(entry.target);
      }
    },
    { rootMargin: "200px" },
  );
  function observe(root) {
    for (const chart of root.querySelectorAll("[data-chart]:not([data-watched])")) {
      chart.dataset.watched = "";
      sight.observe(chart);
    }
  }

  document.addEventListener("change", (event) => {
    const choice = event.target.closest?.("[data-chart-choice]");
    if (choice) tried(choice.closest("[data-chart]"));
  });
  // A sheet of paper is narrower than the window, and white.
  const PAPER_PX = 680;
  let printing = false;
  let theme = null;
  window.addEventListener("beforeprint", () => {
    if (printing) return;
    printing = true;
    theme = document.documentElement.dataset.theme ?? null;
    document.documentElement.dataset.theme = "light";
    for (const chart of document.querySelectorAll("[data-chart][data-drawn]")) put(chart, PAPER_PX);
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    if (theme === null) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const chart of document.querySelectorAll("[data-chart][data-drawn]")) put(chart);
  });

  const redraw = () => document.querySelectorAll("[data-chart][data-drawn]").forEach(tried);
  document.addEventListener("headroom:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("htmx:load", (event) => observe(event.detail.elt.parentElement || document));
  observe(document);
})();
