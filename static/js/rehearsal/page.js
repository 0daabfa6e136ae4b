// The page of a rehearsal: takes the events as they come, and plays them at any second.
import { Bars } from "./bars.js";
import { Board } from "./board.js";
import { drawCauses } from "./causes.js";
import { choose } from "./menu.js";
import { Play } from "./play.js";
import { Player } from "./player.js";
import { Told } from "./told.js";
import { say } from "./words.js";

const LOOK_EVERY_MS = 2000; // a lost push delays by so much and loses nothing
const ANSWERED_WITHIN_MS = 30000; // an answer that never comes is asked for again
const UNFINISHED = new Set(["queued", "running"]);
const section = document.querySelector("[data-player]");
const again = document.querySelector("[data-again]");
const trouble = document.querySelector("[data-trouble]");
const find = (name) => document.querySelector(`[data-${name}]`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

let play = null;
let player = null;
let board = null;
let told = null;
let bars = null;
let reasons = new Map();
let wake = () => {};
document.addEventListener("headroom:run", () => wake());

async function ask(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(ANSWERED_WITHIN_MS) });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

// Ask until it answers: a server that starts again is no reason to stop.
async function insist(address) {
  for (;;) {
    try {
      const answer = await ask(address);
      if (trouble.dataset.ours) trouble.hidden = true;
      return answer;
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "TimeoutError" && !/: 5\d\d$/.test(error.message)) throw error;
      trouble.querySelector("p").textContent = say("lostContact");
      trouble.dataset.ours = "yes";
      trouble.hidden = false;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

const pushed = () => Promise.race([sleep(LOOK_EVERY_MS), new Promise((done) => (wake = done))]);

async function follow() {
  let known = await insist(section.dataset.rehearsal);
  while (!known.opening && UNFINISHED.has(known.state)) {
    await pushed();
    known = await insist(section.dataset.rehearsal);
  }
  if (!known.opening) return;
  begin(known);
  let state = "running";
  while (UNFINISHED.has(state)) {
    const answer = await insist(`${section.dataset.events}?after=${play.events.length}`);
    if (answer.events.length) take(answer.events, answer.more);
    if (answer.more) continue;
    state = answer.state;
    if (UNFINISHED.has(state)) await pushed();
  }
  if (!known.outages) known = await insist(section.dataset.rehearsal);
  finish(known);
}

function begin(known) {
  play = new Play(known.opening);
  for (const name of ["stage", "bars-section", "causes-section"]) find(name).hidden = false;
  section.hidden = false;
  player = new Player(section, play, show);
  player.waits = true;
  board = new Board(find("board"), play, again ? chosen : null);
  told = new Told(find("told"), find("told-box"), play, seekTo);
  bars = new Bars(find("bars"), play, reasons);
  player.measure();
  const asked = /^#(play|t)=([\d.]+)$/.exec(location.hash);
  if (!asked) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  player.pending = { at_s: Number(asked[2]), plays: asked[1] === "play" && !still };
}

function take(events, more) {
  play.add(events);
  if (more) return;
  player.measure();
  bars.draw();
  const pending = player.pending;
  if (pending && play.last_s >= pending.at_s) {
    delete player.pending;
    player.seek(pending.at_s);
    if (pending.plays) player.start();
    else show(play.indexAt(player.at_s));
  }
}

function finish(known) {
  player.waits = false;
  play.last_s = Math.max(play.last_s, 0);
  for (const outage of known.outages || []) if (outage.why) reasons.set(outage.vm, outage.why);
  player.measure();
  bars.draw();
  drawCauses(find("causes"), play.events, seekTo);
  find("causes-section").hidden = !find("causes").querySelector("li");
  if (player.pending) {
    player.seek(player.pending.at_s);
    if (player.pending.plays) player.start();
  } else if (!player.playing && !location.hash) player.seek(player.end_s);
  const outcome = document.getElementById("outcome");
  if (UNFINISHED.has(outcome.dataset.state)) window.htmx?.trigger(outcome, "headroom:run");
  section.dataset.ready = "yes";
}

function show(index) {
  const changed = play.seek(index);
  board.update(changed);
  told.show(index);
  bars.head(player.at_s / player.end_s);
}

function seekTo(number) {
  player.pause();
  player.seek(play.events[number - 1].at_s);
}

// Something happens to a host or a VM at this second: the same rehearsal, with one line more.
function chosen(thing) {
  player.pause();
  const at_s = Math.round(player.at_s * 10) / 10;
  choose(play, thing, at_s, (line) => {
    const script = again.querySelector("textarea");
    script.value = `${script.value.trimEnd()}\nat ${at_s} ${line}\n`;
    again.querySelector("[name=at]").value = at_s;
    again.submit();
  });
}

follow();
