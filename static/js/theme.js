// Before the first paint: the theme that the reader chose last.  Without a choice the system decides.
"use strict";
(() => {
  const chosen = localStorage.getItem("headroom-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
