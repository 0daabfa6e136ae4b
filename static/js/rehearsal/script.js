// The script of a rehearsal: click a host or a VM, and the line is written.
import { Board } from "./board.js";
import { choose } from "./menu.js";
import { Play } from "./play.js";

const script = document.getElementById("script");
const at = document.getElementById("at");
const profile = document.querySelector("[data-profile]");
const opening = document.getElementById("opening");

function append(line) {
  const text = script.value.trimEnd();
  script.value = `${text}${text ? "\n" : ""}${line}\n`;
  script.scrollTop = script.scrollHeight;
}

if (opening) {
  const play = new Play(JSON.parse(opening.textContent));
  document.querySelector("[data-board-section]").hidden = false;
  new Board(document.querySelector("[data-board]"), play, (thing) => {
    const at_s = Number(at.value) || 0;
    choose(play, thing, at_s, (line) => append(`at ${at_s} ${line}`));
  });
}

// The profile is the first line of the script; the buttons write it.
const PROFILE = /^\s*profile\s+(\S+)/m;
function showProfile() {
  const said = PROFILE.exec(script.value)?.[1] || "vsphere";
  for (const button of profile.querySelectorAll("input")) button.checked = button.value === said;
}
profile.hidden = false;
profile.addEventListener("change", (event) => {
  const line = `profile ${event.target.value}`;
  script.value = PROFILE.test(script.value) ? script.value.replace(PROFILE, line) : `${line}\n${script.value}`;
});
script.addEventListener("input", showProfile);
showProfile();

// The line at fault is marked.
const bad = Number(script.dataset.badLine);
if (bad) {
  const lines = script.value.split("\n");
  const start = lines.slice(0, bad - 1).join("\n").length + (bad > 1 ? 1 : 0);
  script.focus();
  script.setSelectionRange(start, start + lines[bad - 1].length);
}
