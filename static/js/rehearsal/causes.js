// What led to what: each event under its cause; many of a kind are one line until they are asked for.
import { count, kindOf, make, say } from "./words.js";
import { line } from "./told.js";

const TOGETHER = 4; // so many of a kind stand each for themselves
const OPEN_ROOTS = 6;

export function drawCauses(place, events, onSeek) {
  const children = new Map();
  for (const event of events) {
    if (!children.has(event.cause)) children.set(event.cause, []);
    children.get(event.cause).push(event);
  }
  const roots = (children.get(0) || []).filter((event) => event.kind !== "run-begun" && children.has(event.number));
  const list = make("ul", { class: "tree-causes" });
  list.append(...roots.map((event, at) => node(event, children, at < OPEN_ROOTS)));
  place.replaceChildren(list);
  place.onclick = (click) => {
    const chosen = click.target.closest(".told-time");
    if (chosen) onSeek(Number(chosen.closest("[data-number]").dataset.number));
  };
  return roots.length;
}

function node(event, children, open) {
  const item = line(event);
  const below = children.get(event.number);
  if (below) item.append(branch(below, children, open));
  return item;
}

function branch(events, children, open) {
  const list = make("ul", {});
  const kinds = new Map();
  for (const event of events) {
    if (!kinds.has(event.kind)) kinds.set(event.kind, []);
    kinds.get(event.kind).push(event);
  }
  for (const [kind, same] of kinds) {
    if (same.length <= TOGETHER) list.append(...same.map((event) => node(event, children, open)));
    else list.append(group(kind, same, children));
  }
  return list;
}

function group(kind, events, children) {
  const details = make("details", {}, make("summary", {}, say("group", { count: count(events.length), kind: kindOf(kind) })));
  details.addEventListener("toggle", () => details.append(make("ul", {}, ...events.map((event) => node(event, children, false)))), { once: true });
  return make("li", { class: "cause-group" }, details);
}
