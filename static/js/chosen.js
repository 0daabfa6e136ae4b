// Ticked rows: how many, all of the page at once; the form itself works without this.
"use strict";
(() => {
  const form = document.querySelector("[data-chosen]");
  if (!form) return;
  const count = form.querySelector("[data-chosen-count]");
  const none = count.textContent;
  const all = form.querySelector("[data-chosen-all]");
  const boxes = () => [...document.querySelectorAll('input[name="vm"][form="chosen"]')];

  function tell() {
    const ticked = boxes().filter((box) => box.checked).length;
    const words = ticked === 1 ? form.dataset.sayOne : form.dataset.sayMany;
    count.textContent = ticked ? words.replace("{count}", ticked) : none;
    form.toggleAttribute("data-some", ticked > 0);
    for (const button of form.querySelectorAll("[name=deed]")) button.disabled = ticked === 0;
  }

  all.hidden = false;
  all.addEventListener("click", () => {
    const every = boxes();
    const wanted = !every.every((box) => box.checked);
    for (const box of every) box.checked = wanted;
    tell();
  });
  document.addEventListener("change", (event) => event.target.matches?.('input[name="vm"]') && tell());
  document.addEventListener("htmx:load", tell);
  addEventListener("pageshow", tell);
})();
