// The controls: play, pause, speed, the line of seconds, from event to event.
import { clock, draw, say } from "./words.js";

const FITS_IN_S = 30; // the first speed lets the whole rehearsal pass in so long
const PLAY = "M4 2.5v11L13 8Z";
const PAUSE = "M4 2.5h3v11H4ZM9.5 2.5h3v11h-3Z";

export class Player {
  constructor(section, play, onTime) {
    const find = (name) => section.querySelector(`[data-${name}]`);
    Object.assign(this, { section, play, onTime, at_s: 0, playing: false, waits: false, before: 0 });
    Object.assign(this, { scrub: find("scrub"), speed: find("speed"), time: find("time"), total: find("total"), area: find("area"), out: find("out") });
    this.button = find("play");
    this.button.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => this.seek(Number(this.scrub.value)));
    this.scrub.addEventListener("keydown", (event) => this.#key(event));
    for (const step of section.querySelectorAll("[data-step]")) step.addEventListener("click", () => this.step(Number(step.dataset.step)));
    document.addEventListener("keydown", (event) => this.#shortcut(event));
  }

  get end_s() {
    return Math.max(this.play.last_s, 1);
  }

  // The line of seconds after more events came.
  measure() {
    this.scrub.max = this.end_s;
    this.total.textContent = clock(this.end_s);
    this.#drawArea();
    if (!this.speed.dataset.chosen) {
      const fits = [...this.speed.options].map((one) => Number(one.value)).filter((speed) => this.end_s / speed <= FITS_IN_S);
      this.speed.value = String(fits[0] ?? 1800);
      this.speed.addEventListener("change", () => (this.speed.dataset.chosen = "yes"), { once: true });
    }
    this.#show();
  }

  seek(at_s) {
    this.at_s = Math.min(Math.max(at_s, 0), this.end_s);
    this.#show();
    this.onTime(this.play.indexAt(this.at_s));
  }

  // To the second of the event before or after; events of one second are passed together.
  step(direction) {
    this.pause();
    const index = this.play.indexAt(this.at_s);
    if (direction > 0) this.seek(this.play.events[index]?.at_s ?? this.end_s);
    else {
      const here = this.play.events[index - 1]?.at_s ?? 0;
      const target = here < this.at_s ? here : (this.play.events.findLast((event) => event.at_s < here)?.at_s ?? 0);
      this.seek(target);
    }
  }

  toggle() {
    if (this.playing) this.pause();
    else this.start();
  }

  start() {
    if (this.at_s >= this.end_s && !this.waits) this.seek(0);
    this.playing = true;
    this.before = performance.now();
    this.#button();
    this.#next();
  }

  pause() {
    this.playing = false;
    cancelAnimationFrame(this.frame); // started again before the next frame, it would run twice as fast
    this.#button();
  }

  #frame(now) {
    if (!this.playing) return;
    const passed_s = Math.max(0, now - this.before) / 1000;
    this.before = now;
    this.seek(this.at_s + passed_s * Number(this.speed.value));
    if (this.at_s >= this.end_s && !this.waits) this.pause();
    else this.#next();
  }

  #next() {
    this.frame = requestAnimationFrame((now) => this.#frame(now));
  }

  #show() {
    const text = clock(this.at_s);
    this.scrub.value = this.at_s;
    this.scrub.setAttribute("aria-valuetext", text);
    this.time.textContent = text;
    const out = this.play.outAt(this.at_s);
    this.out.textContent = out ? say("outNow", { count: out }) : "";
    this.section.style.setProperty("--at", this.at_s / this.end_s);
  }

  #button() {
    const name = this.playing ? "pause" : "play";
    this.button.querySelector("[data-play-word]").textContent = say(name);
    this.button.querySelector("[data-play-shape]").setAttribute("d", this.playing ? PAUSE : PLAY);
    this.section.dataset.playing = this.playing;
  }

  #key(event) {
    const small = Math.max(1, this.end_s / 200);
    const steps = { ArrowLeft: -small, ArrowDown: -small, ArrowRight: small, ArrowUp: small, PageDown: -10 * small, PageUp: 10 * small };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.seek(this.at_s + steps[event.key]);
  }

  #shortcut(event) {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)) return;
    if (target.tagName === "INPUT" && target !== this.scrub) return;
    if (event.key === "," || event.key === ".") this.step(event.key === "," ? -1 : 1);
    else if (event.key === " " && !/^(BUTTON|SUMMARY|A)$/.test(target.tagName)) {
      event.preventDefault();
      this.toggle();
    }
  }

  // How many VMs are out at each second, and a tick for each thing that the script let happen.
  #drawArea() {
    const whole = this.end_s;
    const most = Math.max(1, ...this.play.outSteps.map(([, out]) => out));
    const x = (at_s) => ((1000 * at_s) / whole).toFixed(1);
    const y = (out) => (60 - (52 * out) / most).toFixed(1);
    let path = "M0 60";
    for (const [at_s, out] of this.play.outSteps) path += `H${x(at_s)}V${y(out)}`;
    path += "H1000V60Z";
    const ticks = new Set(this.play.events.filter((event) => event.cause === 0 && event.kind !== "run-begun").map((event) => x(event.at_s)));
    this.area.replaceChildren(draw("path", { class: "area-out", d: path }), ...[...ticks].map((at) => draw("path", { class: "area-tick", d: `M${at} 0V60` })));
  }
}
