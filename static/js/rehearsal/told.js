// The feed beside the hosts: what has happened up to now; a line seeks to its second.
import { clock, icon, kindOf, make, sign, visible } from "./words.js";

const SHOWN = 120;

export class Told {
  constructor(list, box, play, onSeek) {
    Object.assign(this, { list, box, play, from: 0, to: 0 });
    list.addEventListener("click", (event) => {
      const line = event.target.closest("[data-number]");
      if (line) onSeek(Number(line.dataset.number));
    });
  }

  // Show the events before an index; lines that stand already stay.
  show(index) {
    const from = Math.max(0, index - SHOWN);
    if (from >= this.to || index < this.to) {
      this.list.replaceChildren();
      this.from = this.to = from;
    }
    for (; this.from < from; this.from += 1) this.list.firstElementChild.remove();
    const fresh = this.play.events.slice(this.to, index).map(line);
    this.list.append(...fresh);
    this.to = index;
    this.box.scrollTop = this.box.scrollHeight;
  }
}

export function line(event) {
  const [mark, level] = sign(event.kind);
  const time = make("button", { type: "button", class: "told-time", title: `${event.at_s} s` }, clock(event.at_s));
  const text = make("p", {}, make("strong", {}, make("bdi", {}, visible(event.subject))), ` ${kindOf(event.kind)}`);
  if (event.text) text.append(make("span", { class: "told-text" }, visible(event.text)));
  return make("li", { "data-number": event.number, "data-level": level, "data-kind": event.kind }, time, icon(mark), text);
}
