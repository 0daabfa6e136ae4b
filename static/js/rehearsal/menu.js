// What can be done to a host or a VM at a second: a dialog that gives one line of a script.
import { icon, make, say, visible, words, written } from "./words.js";

const DOMAINS = ["rack", "site"];
const OF_HOST = {
  off: ["repair"],
  standby: ["repair"],
  cut: ["join", "fail"],
  isolated: ["join", "fail"],
  unreachable: ["join", "fail"],
  dead: ["repair"],
  fenced: ["repair"],
  emptying: ["end-maintenance", "fail", "isolate"],
  on: ["end-maintenance", "fail"],
};
const OF_ANY_HOST = ["fail", "isolate", "maintenance"];
const OF_NETWORK = ["isolate", "cut"];
const OF_STORE = ["apd", "pdl"];
const OF_VM = ["stop", "hang", "crash"];

// `done(line)` is called with the line that was chosen, its second left out: "fail esx3".
export function choose(play, { host, vm, link }, at_s, done) {
  const thing = host === undefined ? play.vms[vm] : play.hosts[host];
  const said = host === undefined ? words.phases[thing.phase] : words.hosts[thing.state];
  const title = link === undefined ? visible(thing.name) : `${visible(thing.name)} · ${link === "net" ? say("network") : visible(play.datastores[link])}`;
  const dialog = make("dialog", { class: "menu", "aria-label": title });
  const close = make("button", { type: "button", class: "button button-quiet", "aria-label": say("close") }, icon("close"));
  const head = make("div", { class: "menu-head" }, make("h2", {}, make("bdi", {}, title)), close);
  const list = make("div", { class: "menu-list" });
  dialog.append(head, make("p", { class: "muted" }, `${said} · ${say("at", { at: at_s })}`), list);

  function finish(line) {
    dialog.close();
    done(line);
  }
  function offer(label, line) {
    const button = make("button", { type: "button", class: "button" }, label);
    button.addEventListener("click", () => finish(line()));
    list.append(button);
    return button;
  }
  function pick(label, title, choices, line) {
    const select = make("select", { "aria-label": title }, ...choices.map((text, at) => make("option", { value: at }, visible(text))));
    const button = offer(label, () => line(Number(select.value)));
    const row = make("div", { class: "menu-pick" });
    button.replaceWith(row);
    row.append(button, select);
  }

  const name = written(thing.name);
  if (link === "net") {
    if (["cut", "isolated", "unreachable"].includes(thing.state)) offer(say("join"), () => `join ${name}`);
    else for (const verb of OF_NETWORK) offer(say(verb), () => `${verb} ${name}`);
  } else if (link !== undefined) {
    const store = written(play.datastores[link]);
    const { paths, lost } = play.linksTo(host, Number(link));
    for (const { path, alive } of paths) {
      if (alive && lost) continue; // the datastore is lost for another reason than its paths
      const label = alive ? say("cutPath", { path: visible(path) }) : say("restorePath", { path: visible(path) });
      offer(label, () => `${alive ? "lose-path" : "restore-path"} ${name} ${store} ${written(path)}`);
    }
    if (!lost) for (const verb of OF_STORE) offer(say(verb), () => `${verb} ${name} ${store}`);
    else if (!paths.length || paths.some((one) => one.alive)) offer(say("restoreStorage"), () => `restore-storage ${name} ${store}`);
  } else if (host === undefined) {
    const others = play.hosts.filter((_, at) => at !== thing.host);
    if (others.length) pick(say("move"), say("move"), others.map((one) => one.name), (at) => `migrate ${name} to ${written(others[at].name)}`);
    for (const verb of OF_VM) offer(say(verb), () => `${verb} ${name}`);
  } else {
    for (const verb of OF_HOST[thing.state] || OF_ANY_HOST) offer(say(verb), () => `${verb} ${name}`);
    for (const kind of DOMAINS) {
      const domain = thing[kind];
      const shared = domain && play.hosts.some((one, at) => at !== host && one[kind] === domain);
      const label = kind === "rack" ? say("failRack", { name: visible(domain || "") }) : say("failSite", { name: visible(domain || "") });
      if (shared && !OF_HOST[thing.state]) offer(label, () => `fail-group ${written(`${kind}:${domain}`)}`);
    }
    const paths = OF_HOST[thing.state] ? [] : play.paths[host];
    if (paths.length) {
      const texts = paths.map(([store, path]) => `${play.datastores[store]} · ${path}`);
      pick(say("path"), say("choosePath"), texts, (at) => `lose-path ${name} ${written(play.datastores[paths[at][0]])} ${written(paths[at][1])}`);
    }
  }
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  list.querySelector("button")?.focus();
}
