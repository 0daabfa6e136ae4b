// The live feed: one WebSocket, resumed after the last number seen, so that a reconnecting page misses nothing.
"use strict";
(() => {
  const drawer = document.getElementById("drawer");
  if (!drawer) return;
  const list = drawer.querySelector("[data-feed-list]");
  const last = drawer.querySelector("[data-feed-last]");
  const state = drawer.querySelector("[data-feed-state]");
  const working = document.getElementById("working");
  const icons = document.getElementById("event-icons").content;
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium", hour12: false });
  const SHOWN = 200;
  const ICON = { success: "ok", warning: "warn", error: "bad" };
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 30000;
  const SILENT_MS = 60000; // the server says something every 20 s: a line that is silent for longer is dead

  const NOT_LOGGED_IN = 4401;

  let seen = Number(drawer.dataset.after) || 0;
  let wait = FIRST_WAIT_MS;
  let socket = null;

  function say(name) {
    state.dataset.state = name;
    state.textContent = drawer.dataset[`say${name[0].toUpperCase()}${name.slice(1)}`];
  }

  function line(event) {
    const item = document.createElement("li");
    item.dataset.seq = event.seq;
    item.dataset.level = event.level;
    const time = document.createElement("time");
    time.dateTime = event.at;
    time.title = event.at;
    time.textContent = clock.format(new Date(event.at));
    const icon = icons.querySelector(`[data-icon="${ICON[event.level] || "info"}"]`).firstElementChild.cloneNode(true);
    const words = document.createElement("p");
    words.textContent = event.subject ? `${event.subject}: ${event.text}` : event.text;
    item.append(time, icon, words);
    return item;
  }

  function show(event) {
    if (event.seq <= seen) return;
    seen = event.seq;
    const atEnd = drawer.querySelector(".drawer-body");
    const follows = atEnd.scrollHeight - atEnd.scrollTop - atEnd.clientHeight < 40;
    list.append(line(event));
    while (list.children.length > SHOWN) list.firstElementChild.remove();
    last.textContent = event.subject ? `${event.subject}: ${event.text}` : event.text;
    if (follows) atEnd.scrollTop = atEnd.scrollHeight;
    const run = document.querySelector("[data-run]");
    if (run && event.run === run.dataset.run && window.htmx) window.htmx.trigger(run, "headroom:run");
    countSoon();
  }

  let counting = 0;
  let asked = 0;
  let shown = 0; // answers may come in another order than they were asked for
  function countSoon() {
    if (!working || counting) return;
    counting = window.setTimeout(async () => {
      counting = 0;
      const mine = ++asked;
      const answer = await fetch(working.dataset.url, { headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok || answer.redirected) return; // to the sign-in page
      const count = (await answer.text()).trim();
      if (mine < shown) return;
      shown = mine;
      working.dataset.count = count;
      working.querySelector("[data-count-shown]").textContent = count;
    }, 300);
  }

  let silence = 0;
  function heard() {
    window.clearTimeout(silence);
    silence = window.setTimeout(() => socket.close(), SILENT_MS);
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${drawer.dataset.feed}?after=${seen}`);
    heard();
    socket.addEventListener("open", () => {
      wait = FIRST_WAIT_MS;
      say("live");
    });
    socket.addEventListener("message", (message) => {
      heard();
      const frame = JSON.parse(message.data);
      if (frame.type === "hello") seen = frame.seq; // less than we knew: the data folder is another one
      if (frame.type === "events") frame.events.forEach(show);
      if (frame.type === "ping" && frame.seq > seen) seen = frame.seq; // what was between is not for this reader
    });
    socket.addEventListener("close", (closed) => {
      window.clearTimeout(silence);
      if (closed.code === NOT_LOGGED_IN) {
        loadAgain();
        return;
      }
      say("waiting");
      window.setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  }

  // To the sign-in page, as a rule; a page that comes again all the same is not loaded for ever.
  function loadAgain() {
    const before = Number(sessionStorage.getItem("headroom-feed-loaded")) || 0;
    sessionStorage.setItem("headroom-feed-loaded", Date.now());
    if (Date.now() - before > LONGEST_WAIT_MS) location.reload();
    else say("closed");
  }

  drawer.addEventListener("toggle", () => {
    const body = drawer.querySelector(".drawer-body");
    if (drawer.open) body.scrollTop = body.scrollHeight;
  });
  window.addEventListener("online", () => {
    if (socket && socket.readyState === WebSocket.CLOSED) wait = FIRST_WAIT_MS;
  });
  connect();
})();
