// The frame's own behaviour: theme button, menu on small screens, search keys, closing what was opened.
"use strict";
(() => {
  const root = document.documentElement;

  function themeName() {
    return root.dataset.theme || "auto";
  }
  function sayTheme(button) {
    const name = button.dataset[`say${themeName()[0].toUpperCase()}${themeName().slice(1)}`];
    button.title = name;
    button.querySelector("[data-theme-name]").textContent = name;
  }
  for (const button of document.querySelectorAll("[data-theme-button]")) {
    sayTheme(button);
    button.addEventListener("click", () => {
      const next = { auto: "light", light: "dark", dark: "auto" }[themeName()];
      if (next === "auto") {
        delete root.dataset.theme;
        localStorage.removeItem("headroom-theme");
      } else {
        root.dataset.theme = next;
        localStorage.setItem("headroom-theme", next);
      }
      sayTheme(button);
      document.dispatchEvent(new Event("headroom:theme"));
    });
  }

  const nav = document.getElementById("nav");
  const menu = document.querySelector("[data-menu]");
  function openMenu(open) {
    nav.toggleAttribute("data-open", open);
    menu.setAttribute("aria-expanded", String(open));
    if (open) nav.querySelector("a, summary").focus();
  }
  if (menu && nav) {
    menu.addEventListener("click", () => openMenu(!nav.hasAttribute("data-open")));
    document.getElementById("page").addEventListener("click", () => openMenuIfOpen());
  }
  function openMenuIfOpen() {
    if (nav.hasAttribute("data-open")) openMenu(false);
  }

  const search = document.getElementById("search");
  const found = document.getElementById("found");
  function typing(target) {
    return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
  }
  document.addEventListener("keydown", (event) => {
    const ctrlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (search && (ctrlK || (event.key === "/" && !typing(event.target)))) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      if (found) found.replaceChildren();
      for (const menu of document.querySelectorAll("details.user[open]")) menu.open = false;
      if (nav && nav.hasAttribute("data-open")) {
        openMenu(false);
        menu.focus();
      }
    }
  });
  if (search && found) {
    const step = (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      const stops = [search, ...found.querySelectorAll("a")];
      const at = stops.indexOf(document.activeElement);
      const next = stops[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    };
    search.form.addEventListener("keydown", step);
    document.addEventListener("click", (event) => {
      if (!search.form.contains(event.target)) found.replaceChildren();
      for (const menu of document.querySelectorAll("details.user[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
    });
  }

  const drawer = document.getElementById("drawer");
  if (drawer) {
    drawer.open = sessionStorage.getItem("headroom-drawer") === "open";
    drawer.addEventListener("toggle", () => {
      sessionStorage.setItem("headroom-drawer", drawer.open ? "open" : "shut");
    });
  }

  // What a word means stands beside it, wherever it stands on the page, and never outside the window.
  const EDGE_PX = 8;
  function place(event) {
    const term = event.target.closest?.(".term");
    const meaning = term?.querySelector(".meaning");
    if (!meaning) return;
    const word = term.getBoundingClientRect();
    const room = document.documentElement.clientWidth - meaning.offsetWidth - EDGE_PX;
    const below = word.bottom + 6;
    const above = word.top - 6 - meaning.offsetHeight;
    meaning.style.left = `${Math.max(EDGE_PX, Math.min(word.left, room))}px`;
    meaning.style.top = `${below + meaning.offsetHeight > innerHeight && above > 0 ? above : below}px`;
  }
  document.addEventListener("mouseover", place);
  document.addEventListener("focusin", place);

  // A part of a page that could not be fetched: say so, or sign in again where the session has ended.
  const trouble = document.querySelector("[data-trouble]");
  if (trouble) {
    let failed = ""; // what was asked for in vain; when it comes after all, nothing is wrong any more
    const tell = (words, event) => {
      failed = event.detail.pathInfo.requestPath;
      trouble.querySelector("p").textContent = words;
      trouble.hidden = false;
    };
    trouble.querySelector("button").addEventListener("click", () => {
      trouble.hidden = true;
    });
    document.addEventListener("htmx:responseError", (event) => tell(trouble.dataset.sayRefused, event));
    for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, (event) => tell(trouble.dataset.saySilent, event));
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.successful && event.detail.pathInfo.requestPath === failed) trouble.hidden = true;
    });
    document.addEventListener("htmx:beforeSwap", (event) => {
      const came = event.detail.xhr.responseURL;
      if (!came || new URL(came).pathname !== trouble.dataset.login) return;
      event.detail.shouldSwap = false;
      location.reload();
    });
  }

  // Times are written in UTC; the reader lives somewhere.
  const STYLES = {
    minute: { dateStyle: "medium", timeStyle: "short" },
    second: { dateStyle: "short", timeStyle: "medium" },
    time: { timeStyle: "medium" },
  };
  function localise(place) {
    for (const time of place.querySelectorAll("time[data-local]")) {
      const style = { ...STYLES[time.dataset.local], hour12: false };
      time.textContent = new Intl.DateTimeFormat(root.lang, style).format(new Date(time.dateTime));
      delete time.dataset.local;
    }
  }
  localise(document);
  document.addEventListener("htmx:load", (event) => localise(event.detail.elt.parentElement || document));
})();
