// Who was out: a line a VM, on the same seconds as the playback.
import { count, draw, make, say, seconds, visible } from "./words.js";

const SHOWN = 30;

export class Bars {
  constructor(place, play, reasons) {
    Object.assign(this, { place, play, reasons, all: false });
  }

  draw() {
    const outs = this.play.outs;
    const shown = this.all ? outs : outs.slice(0, SHOWN);
    const rows = shown.map((out) => this.#row(out));
    if (!outs.length) rows.push(make("p", { class: "muted" }, say("noOutage")));
    if (shown.length < outs.length) {
      const more = make("button", { type: "button", class: "button" }, say("more", { count: count(outs.length) }));
      more.addEventListener("click", () => {
        this.all = true;
        this.draw();
      });
      rows.push(make("p", { class: "bars-more" }, more));
    }
    this.place.replaceChildren(...rows);
  }

  head(share) {
    this.place.style.setProperty("--at", share);
  }

  #row({ at, parts, lost, total_s }) {
    const vm = this.play.vms[at];
    const whole = Math.max(this.play.last_s, 1);
    const bar = draw("svg", { class: "bar-line", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const [from, to] of parts) {
      const width = Math.max(2, (1000 * ((to ?? whole) - from)) / whole);
      bar.append(draw("rect", { class: to === null ? "bar-lost" : "bar-out", x: (1000 * from) / whole, width, height: 10 }));
    }
    const total = make("span", { class: "bar-total" }, lost ? `${say("lost")} · ${seconds(total_s)}` : seconds(total_s));
    const why = this.reasons.get(vm.name);
    const name = make("span", { class: "bar-name" }, make("bdi", {}, visible(vm.name)));
    return make("div", { class: "bar-row", "data-vm-name": vm.name, "data-lost": lost, title: why || false }, name, make("span", { class: "bar-track" }, bar), total);
  }
}
