// Words, times and names as the pages of rehearsals write them.
export const words = JSON.parse(document.getElementById("words")?.textContent || "{}");
const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

export function say(name, values = {}) {
  return words.says[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}
export const count = (number) => whole.format(number);
export const seconds = (number) => `${tenths.format(number)}\u00a0s`;
export const gib = (mib) => tenths.format(mib / 1024);

// 75.3 -> 1:15, 3700 -> 1:01:40
export function clock(at_s) {
  const all = Math.floor(at_s + 1e-6);
  const two = (part) => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// A name as one word of a script.
export function written(name) {
  return name && !/[\s"#]/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

// Characters that hide, or turn what stands around them, are written out.
export function visible(text) {
  return text.replace(/\p{C}/gu, (one) => `[U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}

const icons = document.getElementById("state-icons")?.content;
export function icon(name) {
  return icons.querySelector(`[data-icon="${name}"]`).firstElementChild.cloneNode(true);
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function draw(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const BAD = "host-failed host-dead fence-failed storage-lost ft-copy-lost vm-given-up start-failed migration-failed record-lost datastore-full blocked";
const WARN =
  "host-cut host-off host-isolated host-unreachable network-parted path-lost apd-timeout vm-waiting vm-hung vm-off refused warning preflight ft-unprotected move-waiting vm-disabled";
const OK =
  "vm-up host-back host-joined network-healed path-back storage-back datastore-freed record-back migrated storage-moved maintenance-on maintenance-off rolling-done ft-failover ft-protected";
const SIGNS = new Map([
  ...BAD.split(" ").map((kind) => [kind, ["bad", "error"]]),
  ...WARN.split(" ").map((kind) => [kind, ["warn", "warning"]]),
  ...OK.split(" ").map((kind) => [kind, ["ok", "success"]]),
]);
export const sign = (kind) => SIGNS.get(kind) || ["info", "info"];
export const kindOf = (kind) => words.kinds[kind] || kind;
