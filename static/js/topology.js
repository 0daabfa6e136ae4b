// The topology of a cluster in layers, clients at the top and datastores at the bottom.  Whoever is chosen
// fails; the server says who is cut off.  The table below does all that the drawing does.
"use strict";
(() => {
  const box = document.querySelector("[data-topology]");
  if (!box) return;
  const words = JSON.parse(document.getElementById("topology-words").textContent);
  const area = box.querySelector("[data-area]");
  const told = box.querySelector("[data-told]");
  const rows = box.querySelector("[data-rows]");
  const reset = box.querySelector("[data-reset]");
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 132, HEIGHT = 40, GAP = 16, LAYER_GAP = 62, ROW_GAP = 12, PAD = 18, NARROW = 600;
  const GROUP_FROM = 14, NAME_MAX = 18, LISTED = 8;
  let picture = { nodes: [], lines: [] };
  let blast = null;
  const failed = new Set();
  const opened = new Set();

  const element = (name, attributes = {}, text = "") => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  const html = (name, text = "") => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    return made;
  };
  const short = (text) => (text.length > NAME_MAX ? `${text.slice(0, NAME_MAX - 1)}…` : text);
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const isPlaceholder = (node) => node.id.startsWith("?");

  // Many hosts stand as their racks until somebody opens one.
  function shown() {
    const hosts = picture.nodes.filter((node) => node.kind === "host");
    if (hosts.length <= GROUP_FROM) return { nodes: picture.nodes, of: new Map() };
    const of = new Map();
    const groups = new Map();
    hosts.forEach((host, place) => {
      const name = host.group || `${words.hosts} ${Math.floor(place / 10) * 10 + 1}–${Math.min(hosts.length, Math.floor(place / 10) * 10 + 10)}`;
      if (opened.has(name)) return;
      if (!groups.has(name)) groups.set(name, { id: `group:${name}`, kind: "group", name, layer: host.layer, state: "redundant", hosts: [] });
      groups.get(name).hosts.push(host.id);
      of.set(host.id, `group:${name}`);
    });
    return { nodes: [...picture.nodes.filter((node) => !of.has(node.id)), ...groups.values()], of };
  }

  function placed(nodes) {
    const layers = new Map();
    const narrow = area.clientWidth < NARROW; // the names of the layers then stand above them
    const LEFT = narrow ? PAD : 104;
    for (const node of nodes) {
      if (!layers.has(node.layer)) layers.set(node.layer, []);
      layers.get(node.layer).push(node);
    }
    const widest = Math.max(3, ...[...layers.values()].map((layer) => Math.min(layer.length, 10)));
    const room = Math.max(2, Math.floor((area.clientWidth - LEFT - PAD) / (WIDTH + GAP)));
    const across = Math.min(10, room);
    const width = Math.max(LEFT + Math.min(across, widest) * (WIDTH + GAP) + PAD, area.clientWidth - 2);
    const places = new Map();
    const bands = [];
    let y = narrow ? PAD + 14 : PAD;
    for (const layer of [...layers.keys()].sort((a, b) => a - b)) {
      const members = layers.get(layer).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
      const perRow = Math.min(across, widest);
      const top = y;
      for (let start = 0; start < members.length; start += perRow) {
        const row = members.slice(start, start + perRow);
        const used = row.length * (WIDTH + GAP) - GAP;
        row.forEach((node, place) => {
          places.set(node.id, { x: LEFT + (width - LEFT - PAD - used) / 2 + place * (WIDTH + GAP), y, node });
        });
        y += HEIGHT + ROW_GAP;
      }
      y -= ROW_GAP;
      bands.push({ layer, top, bottom: y });
      y += LAYER_GAP;
    }
    return { places, bands, width, height: y - LAYER_GAP + PAD, narrow };
  }

  function stateOf(node) {
    if (node.kind === "group") {
      const inside = node.hosts.map((id) => stateOf(picture.nodes.find((one) => one.id === id)));
      return ["failed", "lost", "weak", "single", "unknown"].find((state) => inside.includes(state)) || "";
    }
    if (failed.has(node.id)) return "failed";
    if (blast) {
      if (blast.down.includes(node.id)) return "failed";
      const about = (effect) => `${effect.cut.kind}:${effect.cut.name}` === node.id;
      if (blast.lost.some(about)) return "lost";
      if (blast.weakened.some((effect) => about(effect) && effect.now_single.length)) return "weak";
      const store = node.kind === "datastore" && ((effect) => effect.cut.service === "storage" && effect.cut.targets.includes(node.name));
      if (store) {
        const without = new Set(blast.lost.filter(store).map((effect) => effect.cut.name));
        for (const id of blast.down) if (id.startsWith("host:")) without.add(id.slice(5));
        const hosts = picture.nodes.filter((one) => one.kind === "host");
        if (blast.lost.some(store) && hosts.every((host) => without.has(host.name))) return "lost";
        if (without.size && blast.lost.some(store)) return "weak";
        if (blast.weakened.some((effect) => store(effect) && effect.now_single.length)) return "weak";
      }
    }
    if (node.state === "single" || node.state === "lost") return "single";
    return node.state === "unknown" ? "unknown" : "";
  }

  function draw() {
    const focused = document.activeElement?.dataset?.node;
    const { nodes, of } = shown();
    const { places, bands, width, height, narrow } = placed(nodes);
    const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${words.title} ${box.dataset.name}` });
    for (const band of bands) {
      svg.append(element("rect", { class: "topology-band", x: 0, y: band.top - 8, width, height: band.bottom - band.top + 16 }));
      svg.append(element("text", { class: "topology-layer", x: 10, y: narrow ? band.top - 14 : (band.top + band.bottom) / 2 + 4 }, words.layers[band.layer]));
    }
    const lines = new Map();
    for (const line of picture.lines) {
      const a = of.get(line.a) || line.a, b = of.get(line.b) || line.b;
      const key = a < b ? `${a}\n${b}` : `${b}\n${a}`;
      if (a !== b && places.has(a) && places.has(b)) lines.set(key, { a, b, known: line.known && lines.get(key)?.known !== false });
    }
    for (const { a, b, known } of lines.values()) {
      const [upper, lower] = [places.get(a), places.get(b)].sort((one, other) => one.y - other.y);
      const isDown = stateOf(upper.node) === "failed" || stateOf(lower.node) === "failed";
      svg.append(element("path", { class: `topology-line${known ? "" : " is-unknown"}${isDown ? " is-down" : ""}`, d: curve(upper, lower), "data-a": a, "data-b": b }));
    }
    for (const place of places.values()) svg.append(nodeOf(place));
    area.replaceChildren(svg);
    box.querySelector("[data-close]").hidden = !opened.size;
    if (focused) area.querySelector(`[data-node="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    table();
  }

  function curve(upper, lower) {
    const x1 = upper.x + WIDTH / 2, x2 = lower.x + WIDTH / 2;
    if (Math.abs(upper.y - lower.y) < 2) {
      const [left, right] = upper.x < lower.x ? [upper, lower] : [lower, upper];
      if (right.x - left.x <= WIDTH + GAP + 1) return `M${left.x + WIDTH} ${left.y + HEIGHT / 2}H${right.x}`;
      return `M${left.x + WIDTH / 2} ${left.y}C${left.x + WIDTH / 2} ${left.y - 26} ${right.x + WIDTH / 2} ${left.y - 26} ${right.x + WIDTH / 2} ${right.y}`;
    }
    const y1 = upper.y + HEIGHT, y2 = lower.y, middle = (y1 + y2) / 2;
    return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  }

  function nodeOf({ x, y, node }) {
    const state = stateOf(node);
    const placeholder = isPlaceholder(node);
    const kind = node.kind === "group" ? fill(words.group, { count: node.hosts.length }) : words.kinds[node.kind.replace("?", "")] || node.kind;
    const name = placeholder ? words.nobody : node.name;
    const group = element("g", { class: `topology-node${state ? ` is-${state}` : ""}${placeholder ? " is-placeholder" : ""}${node.kind === "group" ? " is-group" : ""}`, transform: `translate(${x} ${y})`, "data-node": node.id });
    group.append(element("title", {}, `${kind} ${name}${state ? `: ${words.states[state]}` : ""}`));
    group.append(element("rect", { width: WIDTH, height: HEIGHT, rx: 3 }));
    group.append(element("text", { class: "topology-kind", x: 8, y: 14 }, kind));
    group.append(element("text", { x: 8, y: 30 }, short(name)));
    if (!placeholder) {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      if (node.kind !== "group") group.setAttribute("aria-pressed", String(failed.has(node.id)));
      group.setAttribute("aria-label", `${kind} ${name}${state ? `, ${words.states[state]}` : ""}`);
    }
    return group;
  }

  function table() {
    const beside = new Map();
    for (const { a, b } of picture.lines) {
      beside.set(a, [...(beside.get(a) || []), b]);
      beside.set(b, [...(beside.get(b) || []), a]);
    }
    const made = picture.nodes.filter((node) => !isPlaceholder(node)).map((node) => {
      const row = html("tr");
      const check = html("input");
      check.type = "checkbox";
      check.checked = failed.has(node.id);
      check.dataset.check = node.id;
      check.setAttribute("aria-label", `${words.fails}: ${node.name}`);
      const cell = html("td");
      cell.append(check);
      const head = html("th", node.name);
      head.scope = "row";
      const names = (beside.get(node.id) || []).map((id) => (id.startsWith("?") ? words.nobody : id.slice(id.indexOf(":") + 1)));
      const joined = html("td", [...new Set(names)].join(", "));
      joined.className = "wrap";
      row.append(cell, head, html("td", words.kinds[node.kind] || node.kind), html("td", words.states[stateOf(node)] || words.states.redundant), joined);
      return row;
    });
    const focused = document.activeElement?.dataset?.check;
    rows.replaceChildren(...made);
    if (focused) rows.querySelector(`[data-check="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  function tell() {
    told.replaceChildren();
    reset.disabled = failed.size === 0;
    rehearse();
    if (!blast) return;
    const part = (title, items) => {
      const made = html("div");
      made.append(html("h3", title));
      const list = html("ul");
      for (const item of items.slice(0, LISTED)) list.append(html("li", item));
      if (items.length > LISTED) list.append(html("li", fill(words.more, { count: items.length - LISTED })));
      made.append(list);
      told.append(made);
    };
    for (const [fate, title] of Object.entries(words.fates)) {
      const vms = blast.vms.filter((vm) => vm.fate === fate);
      if (vms.length) part(`${vms.length} ${title}`, vms.map((vm) => vm.name));
    }
    const services = blast.services.map((one) => `${one.name}${words.colon} ${words.service_fates[one.fate]} (${one.tiers.map((tier) => fill(tier.needed === null ? words.going_on : words.going_on_of, { ...tier, tier: tier.name })).join("; ")})`);
    if (services.length) part(words.touched, services);
    const who = ({ cut }) => `${words.kinds[cut.kind] || cut.kind} ${cut.name}${words.colon} ${words.services[cut.service] || cut.service}`;
    if (blast.lost.length) part(words.lost, blast.lost.map(who));
    const weak = blast.weakened.filter((effect) => effect.now_single.length);
    if (weak.length) part(words.weak, weak.map((effect) => `${who(effect)} → ${effect.now_single.slice(0, 3).join(", ")}`));
    if (!told.children.length) part(words.nothing, []);
    const carried = blast.loads.map(carrying);
    if (carried.length) part(words.loads, carried);
    for (const cluster of blast.clusters) part(words.admission, admission(cluster));
    rehearse();
  }

  const whole = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

  // What is left of a bottleneck, and how much of it is asked; what nobody told stands as not known.
  function carrying(load) {
    const said = [];
    const sized = load.unit !== "ports" && load.capacity_left !== null;
    said.push(fill(words.parts, { left: load.parts_left, before: load.parts_before }));
    if (sized) said.push(fill(words.carries, { left: whole.format(load.capacity_left), before: whole.format(load.capacity_before), unit: load.unit }));
    else if (load.about !== "fan-in") said.push(words.capacity_unknown);
    if (load.asked !== null) said.push(fill(words.asked, { asked: whole.format(load.asked), unit: load.unit }));
    else if (load.about.startsWith("host-") || load.about === "controller-iops") said.push(words.load_unknown);
    if (load.ratio_left !== null) said.push(fill(words.ratio, { ratio: whole.format(load.ratio_left) }));
    if (load.is_short) said.push(words.short);
    return `${words.about[load.about]} ${load.name}${words.colon} ${said.join(", ")}`;
  }

  function admission(cluster) {
    const said = [fill(words.left, { left: cluster.hosts_left, before: cluster.hosts_before })];
    for (const [name, share] of Object.entries(cluster.wanted)) said.push(fill(words.wanted[name], { share: whole.format(100 * share) }));
    if (cluster.carried === false) said.push(words.too_much);
    return said;
  }

  function rehearse() {
    const link = box.querySelector("[data-rehearse]");
    if (!link) return;
    link.hidden = !failed.size;
    link.href = `${link.dataset.rehearse}${[...failed].map((id) => `&fail=${encodeURIComponent(id)}`).join("")}`;
  }

  let asking = 0;
  async function ask() {
    const mine = ++asking;
    if (!failed.size) {
      blast = null;
    } else {
      const query = [...failed].map((id) => `&fail=${encodeURIComponent(id)}`).join("");
      try {
        const answer = await fetch(box.dataset.blast + query, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const found = await answer.json();
        if (mine !== asking) return;
        blast = found;
      } catch {
        if (mine !== asking) return;
        blast = null;
        draw();
        told.replaceChildren(html("p", words.silent));
        return;
      }
    }
    draw();
    tell();
  }

  function toggle(id) {
    if (id.startsWith("group:")) {
      opened.add(id.slice(6));
      draw();
      return;
    }
    if (id.startsWith("?")) return;
    if (!failed.delete(id)) failed.add(id);
    draw();
    ask();
  }

  area.addEventListener("click", (event) => {
    const node = event.target.closest("[data-node]");
    if (node) toggle(node.dataset.node);
  });
  area.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-node]");
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(node.dataset.node);
    }
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in steps) {
      event.preventDefault();
      const every = [...area.querySelectorAll("[tabindex][data-node]")];
      every[(every.indexOf(node) + steps[event.key] + every.length) % every.length].focus();
    }
  });
  const near = (event, isNear) => {
    const node = event.target.closest?.("[data-node]");
    if (!node) return;
    for (const line of area.querySelectorAll(".topology-line")) {
      if (line.dataset.a === node.dataset.node || line.dataset.b === node.dataset.node) line.classList.toggle("is-near", isNear);
    }
  };
  for (const [name, isNear] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) area.addEventListener(name, (event) => near(event, isNear));
  const close = box.querySelector("[data-close]");
  close.addEventListener("click", () => {
    opened.clear();
    draw();
  });
  rows.addEventListener("change", (event) => toggle(event.target.dataset.check));
  reset.addEventListener("click", () => {
    failed.clear();
    ask();
  });

  // The file carries the colours with it: no style sheet comes along.
  function exported() {
    const svg = area.querySelector("svg");
    const copy = svg.cloneNode(true);
    const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family"];
    const originals = svg.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((made, place) => {
      const style = getComputedStyle(originals[place]);
      for (const name of kept) made.setAttribute(name, style.getPropertyValue(name));
      for (const name of ["class", "tabindex", "role", "aria-pressed"]) made.removeAttribute(name);
    });
    const ground = element("rect", { width: "100%", height: "100%", fill: getComputedStyle(area).backgroundColor });
    copy.prepend(ground);
    copy.setAttribute("xmlns", SVG);
    return new XMLSerializer().serializeToString(copy);
  }
  function save(href, ending) {
    const link = html("a");
    link.href = href;
    link.download = `${box.dataset.name}-topology.${ending}`;
    link.click();
  }
  box.addEventListener("click", (event) => {
    const ending = event.target.closest("[data-export]")?.dataset.export;
    if (!ending || !area.querySelector("svg")) return;
    const href = URL.createObjectURL(new Blob([exported()], { type: "image/svg+xml" }));
    if (ending === "svg") {
      save(href, ending);
      setTimeout(() => URL.revokeObjectURL(href), 1000);
      return;
    }
    const image = new Image();
    image.onload = () => {
      const canvas = html("canvas");
      canvas.width = image.width * 2;
      canvas.height = image.height * 2;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(URL.createObjectURL(blob), ending), "image/png");
      URL.revokeObjectURL(href);
    };
    image.src = href;
  });

  fetch(box.dataset.topology, { headers: { Accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((found) => {
      picture = found;
      draw();
    })
    .catch(() => area.replaceChildren(html("p", words.silent)));
})();
