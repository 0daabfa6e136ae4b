// A form that was sent just now is not sent again: what answers a double click would stand in place of the answer.
"use strict";
(() => {
  const AGAIN_MS = 1500; // a form whose answer is a file stays on the page, and may be sent anew
  const sentAt = new WeakMap();
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return; // a script sends it, or it asks only
    const now = performance.now();
    if (now - sentAt.get(event.target) < AGAIN_MS) event.preventDefault();
    else sentAt.set(event.target, now);
  });
})();
