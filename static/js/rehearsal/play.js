// A rehearsal in the browser: the opening, the events and what each changed; any second can be sought.
const SERVES = new Set(["running", "moving", "failover", "off"]);

export class Play {
  constructor(opening) {
    this.hosts = opening.hosts.map((host) => ({ ...host, state: host.seen[0], primary: host.seen[1], used: host.seen[2], dead: host.seen[3] }));
    this.vms = opening.vms.map((vm) => ({ ...vm, phase: vm.seen[0], host: vm.seen[1], other: vm.seen[2] }));
    this.datastores = opening.datastores;
    this.paths = opening.paths;
    this.mounts = opening.mounts || [];
    this.events = [];
    this.position = 0; // so many events have happened
    this.undo = [];
    this.last_s = 0;
    this.outages = this.vms.map(() => []); // [from, to]; to is null while it lasts
    this.finally = this.vms.map((vm) => vm.phase);
    this.outSteps = [[0, 0]]; // [second, VMs out from then on]
    this.vms.forEach((vm, at) => this.#serve(at, vm.phase, 0));
  }

  // Events come in the order of their numbers; one that came before is not taken again.
  add(events) {
    for (const event of events) {
      if (event.number !== this.events.length + 1) continue;
      this.events.push(event);
      this.last_s = Math.max(this.last_s, event.at_s);
      for (const [at, phase] of event.changes.v || []) this.#serve(at, phase, event.at_s);
    }
  }

  #serve(at, phase, at_s) {
    this.finally[at] = phase;
    const known = this.outages[at];
    const isOut = known.length > 0 && known.at(-1)[1] === null;
    if (SERVES.has(phase) === !isOut) return;
    if (isOut) known.at(-1)[1] = at_s;
    else known.push([at_s, null]);
    const now = this.outSteps.at(-1)[1] + (isOut ? -1 : 1);
    if (this.outSteps.at(-1)[0] === at_s) this.outSteps.at(-1)[1] = now;
    else this.outSteps.push([at_s, now]);
  }

  // How many events have happened at a second.
  indexAt(at_s) {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle].at_s <= at_s) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Let so many events have happened; give the VMs and hosts that changed.
  seek(index) {
    const dirty = { vms: new Set(), hosts: new Set() };
    while (this.position < index) this.#forward(dirty);
    while (this.position > index) this.#back(dirty);
    return dirty;
  }

  #forward(dirty) {
    const { v = [], h = [] } = this.events[this.position].changes;
    this.undo[this.position] ??= {
      v: v.map(([at]) => [at, this.vms[at].phase, this.vms[at].host, this.vms[at].other]),
      h: h.map(([at]) => [at, this.hosts[at].state, this.hosts[at].primary, this.hosts[at].used, this.hosts[at].dead]),
    };
    this.#set({ v, h }, dirty);
    this.position += 1;
  }

  #back(dirty) {
    this.position -= 1;
    this.#set(this.undo[this.position], dirty);
  }

  #set({ v, h }, dirty) {
    for (const [at, phase, host, other] of v) {
      Object.assign(this.vms[at], { phase, host, other });
      dirty.vms.add(at);
    }
    for (const [at, state, primary, used, dead] of h) {
      Object.assign(this.hosts[at], { state, primary, used, dead });
      dirty.hosts.add(at);
    }
  }

  // The links of a host to one datastore: its paths with whether each lives, and whether it is lost whole.
  linksTo(at, store) {
    const dead = new Set(this.hosts[at].dead || []);
    const paths = (this.paths[at] || []).map(([of, path], place) => ({ of, path, alive: !dead.has(place) })).filter((one) => one.of === store);
    return { paths, lost: dead.has(-1 - store) };
  }

  // How many VMs are out at a second.
  outAt(at_s) {
    let now = 0;
    for (const [since, out] of this.outSteps) {
      if (since > at_s) break;
      now = out;
    }
    return now;
  }

  // The VMs that were out: the total, and whether they are out still; not those that nobody wants any more.
  get outs() {
    return this.outages
      .map((parts, at) => ({
        at,
        parts,
        lost: parts.length > 0 && parts.at(-1)[1] === null,
        total_s: parts.reduce((sum, [from, to]) => sum + (to ?? this.last_s) - from, 0),
      }))
      .filter((out) => out.parts.length > 0 && this.finally[out.at] !== "off")
      .sort((a, b) => b.lost - a.lost || b.total_s - a.total_s || a.at - b.at);
  }
}
