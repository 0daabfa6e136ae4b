// Filters: the address says only what was asked for, keeps the order, and the CSV is of the rows in sight.
"use strict";
(() => {
  const form = document.querySelector("[data-filters]");
  if (!form) return;
  const fold = form.closest("[data-fold]");
  const phone = matchMedia("(max-width: 40rem)");
  const filtered = () => [...new URLSearchParams(location.search)].some(([name, value]) => value && !["sort", "page", "rows", "column"].includes(name));
  const folded = () => { if (fold) fold.open = !phone.matches || filtered(); }; // on a phone the rows come first
  folded();
  phone.addEventListener("change", folded);
  const usual = (form.dataset.usualColumns || "").split(" ").filter(Boolean).join(" ");

  function asked() {
    const wanted = new URLSearchParams();
    const columns = [];
    for (const [name, value] of new FormData(form)) {
      if (name === "column") columns.push(value);
      else if (name !== "sort" && value !== "") wanted.append(name, value);
    }
    if (columns.join(" ") !== usual) for (const name of columns) wanted.append("column", name);
    const sort = new URLSearchParams(location.search).get("sort");
    if (sort) wanted.append("sort", sort);
    return wanted;
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== form) return;
    const wanted = asked();
    event.detail.formData = new FormData();
    for (const [name, value] of wanted) event.detail.formData.append(name, value);
    event.detail.parameters = event.detail.formData;
  });
  document.addEventListener("htmx:load", () => { // what was typed before anybody listened
    const typed = [...form.elements].some((field) => field.matches("input:not([type=checkbox], [type=hidden])") && field.value !== field.defaultValue);
    if (typed) form.dispatchEvent(new Event("input"));
  }, { once: true });
  form.addEventListener("submit", (event) => {
    if (window.htmx) return;
    event.preventDefault();
    location.search = asked().toString();
  });
  document.addEventListener("htmx:pushedIntoHistory", () => {
    for (const link of document.querySelectorAll("[data-follows-query]")) link.search = location.search;
    for (const kept of document.querySelectorAll("[data-keep] [name=address]")) kept.value = location.pathname + location.search;
  });
})();
