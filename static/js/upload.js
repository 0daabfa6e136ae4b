// Drop a file, see it travel, follow its run.  Without scripts the form sends itself.
"use strict";
(() => {
  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const drop = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button.button-strong");
  const state = form.querySelector("[data-upload-state]");
  const words = form.querySelector("[data-upload-words]");
  const progress = state.querySelector("progress");
  const MIB = 1024 * 1024;
  const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 });

  function say(sentence, values = {}) {
    state.hidden = false;
    words.textContent = sentence.replace(/\{(\w+)\}/g, (_, name) => number.format(values[name]));
  }
  function stop(text) {
    progress.hidden = true;
    button.disabled = false;
    words.className = "field-error";
    words.textContent = text;
  }

  function send() {
    const file = input.files[0];
    if (!file) return;
    words.className = "";
    const limit = Number(form.dataset.limitMib);
    if (file.size > limit * MIB) {
      say(form.dataset.sayTooBig, { size: Math.ceil(file.size / MIB), limit });
      stop(words.textContent);
      return;
    }
    button.disabled = true;
    progress.hidden = false;
    progress.value = 0;
    const request = new XMLHttpRequest();
    request.open("POST", form.action || location.href);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      const percent = event.lengthComputable ? (100 * event.loaded) / event.total : 0;
      progress.value = percent;
      say(form.dataset.saySending, { percent });
    });
    request.addEventListener("load", () => {
      if (request.status === 201) {
        progress.value = 100;
        say(form.dataset.sayReceived);
        location.assign(request.response.url);
      } else if (request.status === 400 && request.response) {
        stop(request.response.errors.join(" "));
      } else if (request.status === 413) {
        say(form.dataset.sayTooBig, { size: Math.ceil(file.size / MIB), limit });
        stop(words.textContent);
      } else if (request.status === 200) {
        location.reload(); // to the sign-in page: the session has ended
      } else {
        stop(request.status === 403 ? form.dataset.sayRefused : form.dataset.sayFailed);
      }
    });
    request.addEventListener("error", () => stop(form.dataset.sayFailed));
    say(form.dataset.saySending, { percent: 0 });
    request.send(new FormData(form));
  }

  form.addEventListener("submit", (event) => {
    if (!input.files.length) return;
    event.preventDefault();
    send();
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", true);
    });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", false);
    });
  }
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    if (event.dataTransfer.files.length > 1) { // which of them is meant is not guessed
      state.hidden = false;
      stop(form.dataset.sayOne);
      return;
    }
    input.files = event.dataTransfer.files;
    send();
  });
  // A file dropped beside the field must not open in place of the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
})();
