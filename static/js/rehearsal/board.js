// Hosts as cards with their VMs; a mark a VM, its name beside it where there is room.
import { count, draw, gib, icon, make, say, visible, words } from "./words.js";

const NAMES_UP_TO = 60; // VMs; beyond, a mark has no room for its name
const STORES_UP_TO = 4; // datastores with a link of their own on a card; the menu of the host has all paths
const CUT = new Set(["cut", "isolated", "parted", "unreachable"]);
const SIGN = { up: "ok", standby: "info", emptying: "warn", on: "warn", cut: "warn", unreachable: "warn", isolated: "warn", parted: "warn" };

// What all hosts have behind their first dot; it says nothing about any of them.
function domainOf(names) {
  const ends = new Set(names.map((name) => (name.includes(".") ? name.slice(name.indexOf(".")) : "")));
  return names.length > 1 && ends.size === 1 ? [...ends][0] : "";
}

export class Board {
  constructor(place, play, onChoose) {
    this.play = play;
    this.onChoose = onChoose;
    this.marks = [];
    place.replaceChildren();
    this.domain = domainOf(play.hosts.map((host) => host.name));
    place.toggleAttribute("data-named", play.vms.length <= NAMES_UP_TO);
    place.toggleAttribute("data-small", play.hosts.length > 12);
    place.toggleAttribute("data-many", play.hosts.length > 30);
    this.cards = play.hosts.map((host, at) => this.#card(place, host, at));
    this.play.vms.forEach((_, at) => this.#showVm(at));
    this.play.hosts.forEach((_, at) => this.#showHost(at));
    place.addEventListener("click", (event) => this.#clicked(event));
    place.addEventListener("keydown", (event) => this.#moved(event));
  }

  update({ vms, hosts }) {
    for (const at of vms) this.#showVm(at);
    for (const at of hosts) this.#showHost(at);
    const touched = new Set([...vms].map((at) => this.play.vms[at].host));
    for (const at of [...touched, ...hosts]) if (at >= 0) this.#count(at);
  }

  #card(place, host, at) {
    const name = make("button", { type: "button", class: "host-name", "data-host": at, title: visible(host.name) });
    name.append(make("bdi", {}, visible(host.name.slice(0, host.name.length - this.domain.length))));
    const state = make("span", { class: "host-state" });
    const meter = draw("svg", { class: "meter", role: "img" });
    meter.append(draw("rect", { class: "meter-room", width: "100%", height: "100%" }), draw("rect", { class: "meter-used", height: "100%" }));
    const many = make("small", { class: "host-count" });
    const links = this.#links(host, at);
    const vms = make("div", { class: "host-vms", role: "group", "aria-label": visible(host.name) });
    const card = make("article", { class: "host-card" }, make("header", {}, name, state), make("div", { class: "host-foot" }, meter, many), ...(links ? [links] : []), vms);
    place.append(card);
    return { card, state, meter, many, vms, links };
  }

  // What connects a host: its network, and each datastore by its paths.
  #links(host, at) {
    const stores = this.play.mounts[at];
    if (!stores) return null;
    const chips = [make("button", { type: "button", class: "link", "data-link": "net", "data-of": at })];
    for (const store of stores.slice(0, STORES_UP_TO)) chips.push(make("button", { type: "button", class: "link", "data-link": store, "data-of": at }));
    return make("div", { class: "host-links", role: "group", "aria-label": say("links", { name: visible(host.name) }) }, ...chips);
  }

  #showLinks(at) {
    const { links } = this.cards[at];
    if (!links) return;
    const host = this.play.hosts[at];
    for (const chip of links.children) {
      if (chip.dataset.link === "net") {
        const cut = CUT.has(host.state);
        chip.dataset.health = cut ? "dead" : "whole";
        chip.textContent = cut ? say("networkCut") : say("network");
        continue;
      }
      const store = Number(chip.dataset.link);
      const { paths, lost } = this.play.linksTo(at, store);
      const alive = paths.filter((one) => one.alive).length;
      chip.dataset.health = lost ? "dead" : alive < paths.length ? "thin" : "whole";
      const name = visible(this.play.datastores[store]);
      chip.replaceChildren(make("bdi", {}, name), paths.length ? ` ${count(lost ? 0 : alive)}/${count(paths.length)}` : "");
      const values = { store: name, alive: count(alive), all: count(paths.length) };
      const said = lost ? say("storeLost", values) : paths.length ? say("store", values) : say("storeWhole", values);
      chip.title = said;
      chip.setAttribute("aria-label", said);
    }
  }

  #showHost(at) {
    const host = this.play.hosts[at];
    const { card, state, meter } = this.cards[at];
    card.dataset.state = host.state;
    const sign = SIGN[host.state] || "bad";
    state.className = `host-state state-${sign === "info" ? "unknown" : sign}`;
    state.replaceChildren(icon(sign), make("span", { class: "host-word" }, words.hosts[host.state] || host.state));
    if (host.primary) state.append(make("span", { class: "host-primary" }, say("primary")));
    const said = say("memory", { used: gib(host.used), all: gib(host.memory_mib) });
    meter.setAttribute("aria-label", said);
    meter.lastElementChild.setAttribute("width", `${Math.min(100, (100 * host.used) / Math.max(1, host.memory_mib)).toFixed(2)}%`);
    this.#showLinks(at);
    this.#count(at);
  }

  #count(at) {
    this.cards[at].many.textContent = say("vms", { count: count(this.cards[at].vms.children.length) });
  }

  #showVm(at) {
    const vm = this.play.vms[at];
    const mark = (this.marks[at] ??= this.#mark(vm, at));
    mark.dataset.phase = vm.phase;
    const other = vm.other >= 0 ? ` · ${visible(this.play.hosts[vm.other].name)}` : "";
    mark.title = `${visible(vm.name)} · ${words.phases[vm.phase]}${other} · ${gib(vm.memory_mib)} GiB`;
    mark.firstElementChild.dataset.phase = vm.phase;
    mark.lastElementChild.textContent = `, ${words.phases[vm.phase]}`;
    const home = vm.host >= 0 ? this.cards[vm.host].vms : null;
    if (mark.parentElement === home) return;
    const left = mark.parentElement;
    if (home) home.insertBefore(mark, this.#after(home, at));
    else mark.remove();
    for (const group of [left, home]) if (group) this.#reach(group);
    const was = this.cards.findIndex((card) => card.vms === left);
    if (was >= 0) this.#count(was);
  }

  // The place in the order of names.
  #after(home, at) {
    for (const mark of home.children) if (Number(mark.dataset.vm) > at) return mark;
    return null;
  }

  #mark(vm, at) {
    return make(
      "button",
      { type: "button", class: "vm-mark", "data-vm": at, tabindex: "-1" },
      make("i", { class: "mark" }),
      make("bdi", { class: "vm-name" }, visible(vm.name)),
      make("span", { class: "visually-hidden" }),
    );
  }

  // One stop of the Tab key a card; the arrow keys go from VM to VM.
  #reach(group) {
    [...group.children].forEach((mark, at) => (mark.tabIndex = at ? -1 : 0));
  }

  #moved(event) {
    const mark = event.target.closest("[data-vm]");
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (!mark || !(event.key in steps)) return;
    event.preventDefault();
    const next = steps[event.key] > 0 ? mark.nextElementSibling : mark.previousElementSibling;
    if (!next) return;
    mark.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  #clicked(event) {
    const chosen = event.target.closest("[data-host], [data-vm], [data-link]");
    if (!chosen || !this.onChoose) return;
    if (chosen.dataset.link) this.onChoose({ host: Number(chosen.dataset.of), link: chosen.dataset.link });
    else if (chosen.dataset.host) this.onChoose({ host: Number(chosen.dataset.host) });
    else this.onChoose({ vm: Number(chosen.dataset.vm) });
  }
}
