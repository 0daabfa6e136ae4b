"""Random estates and scripts: small clusters in every kind of trouble."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import structs

from operations.guest import Guest
from operations.instruction import Instruction
from operations.policy import Policies, policies_of
from operations.script import Script
from planner.estate import VM, Datastore, Estate, Host, Nic, Path, Rule

GIB = 1024
STORES = ("san-a", "san-b")


@st.composite
def estates(draw) -> Estate:
    hosts = [f"esx{i}" for i in range(1, draw(st.integers(2, 6)) + 1)]
    vms = [f"vm{i}" for i in range(1, draw(st.integers(1, 10)) + 1)]
    rows = tuple(
        Host(
            name=name,
            sockets=2,
            cores=draw(st.sampled_from([4, 8])),
            cpu_mhz=2000.0,
            memory_mib=draw(st.sampled_from([16, 32])) * GIB,
            rack=draw(st.sampled_from(["r1", "r2"])),
            nics=(Nic(device="nic0", speed_mbit=draw(st.sampled_from([1000, 10000]))),),
        )
        for name in hosts
    )
    free = dict.fromkeys(hosts, 12 * GIB)
    machines = [draw(machine(name, hosts, free)) for name in vms]
    stores = tuple(
        Datastore(
            name=name, capacity_mib=10**6, used_mib=10**5, hosts=draw(st.sampled_from([(), tuple(hosts[:2])]))
        )
        for name in STORES
    )
    paths = tuple(
        Path(host=host, lun="san-a", name=way, datastore="san-a", state="active")
        for host in hosts
        for way in "xy"
    )
    return Estate(
        hosts=rows,
        vms=tuple(machines),
        datastores=stores,
        paths=paths,
        rules=tuple(draw(st.lists(rules(hosts, vms), max_size=3))),
    ).sorted()


@st.composite
def machine(draw, name: str, hosts: list[str], free: dict[str, int]) -> VM:
    size = draw(st.sampled_from([1, 2, 4, 8])) * GIB
    fitting = [host for host in hosts if free[host] >= size] or hosts
    host = draw(st.sampled_from(fitting))
    free[host] -= size
    return VM(
        name=name,
        host=host,
        power=draw(st.sampled_from(["on", "on", "on", "off"])),
        vcpus=draw(st.sampled_from([1, 2])),
        memory_mib=size,
        disk_mib=10 * GIB,
        datastores=(draw(st.sampled_from(STORES)),),
        restart_priority=draw(st.sampled_from(["highest", "high", "medium", "low", "disabled", "medium"])),
        ft=draw(st.sampled_from(["none", "none", "none", "primary"])),
        cpu_demand_mhz=draw(st.sampled_from([None, 500.0, 4000.0])),
    )


@st.composite
def rules(draw, hosts: list[str], vms: list[str]) -> Rule:
    kind = draw(st.sampled_from(["spread", "gather", "must-run-on", "should-run-on", "must-not-run-on"]))
    members = draw(st.lists(st.sampled_from(vms), min_size=1, max_size=3, unique=True))
    named = draw(st.lists(st.sampled_from(hosts), min_size=1, max_size=2, unique=True))
    return Rule(kind=kind, vms=tuple(members), hosts=() if kind in ("spread", "gather") else tuple(named))


@st.composite
def guests(draw, vms: list[str], hosts: list[str]) -> Guest:
    return Guest(
        boot_s=draw(st.sampled_from([None, 5.0, 90.0])),
        dirty_mib_s=draw(st.sampled_from([0.0, 20.0, 500.0, 5000.0])),
        working_set_mib=draw(st.sampled_from([None, 100.0])),
        home=tuple(draw(st.lists(st.sampled_from(hosts), max_size=2, unique=True))),
        after=tuple(draw(st.lists(st.sampled_from(vms), max_size=1))),
        container=draw(st.sampled_from([False, False, False, True])),
        start_failures=draw(st.sampled_from([0, 0, 1, 3, -1])),
        migration_fails=draw(st.sampled_from([False, False, True])),
        lock=draw(st.sampled_from(["", "", "", "backup", "create"])),
        absent=draw(st.sampled_from([False] * 9 + [True])),
        passthrough=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def instructions(draw, estate: Estate) -> Instruction:
    hosts = st.sampled_from([host.name for host in estate.hosts])
    vms = st.sampled_from([vm.name for vm in estate.vms])
    stores = st.sampled_from(STORES)
    at_s = draw(
        st.one_of(st.integers(0, 2000).map(float), st.sampled_from([0.0, 100.0, 100.0, 118.0, 130.0, 500.0]))
    )
    verb = draw(st.sampled_from(VERBS))
    if verb in ("lose-path", "restore-path"):
        return Instruction(at_s, verb, (draw(hosts), "san-a", draw(st.sampled_from("xy"))))
    if verb in ("apd", "pdl", "restore-storage"):
        return Instruction(at_s, verb, (draw(hosts), draw(stores)))
    if verb in ("fill", "free"):
        return Instruction(at_s, verb, (draw(stores),))
    if verb in ("hang", "crash", "start", "stop", "disable"):
        return Instruction(at_s, verb, (draw(vms),))
    if verb == "load":
        return Instruction(at_s, verb, (draw(vms),), number=float(draw(st.integers(0, 9000))))
    if verb == "migrate":
        return Instruction(at_s, verb, (draw(vms), draw(hosts)))
    if verb == "migrate-storage":
        return Instruction(at_s, verb, (draw(vms), draw(stores)))
    if verb in ("heal", "rolling", "record-fail", "record-work"):
        return Instruction(at_s, verb)
    if verb == "part":
        names = [host.name for host in estate.hosts]
        at = draw(st.integers(1, len(names) - 1))
        return Instruction(at_s, verb, groups=(tuple(names[:at]), tuple(names[at:])))
    return Instruction(at_s, verb, (draw(hosts),))


VERBS = [
    *("fail", "fail", "repair", "repair", "cut", "isolate", "join", "part", "heal"),
    *("lose-path", "restore-path", "apd", "pdl", "restore-storage", "fill", "free"),
    *("hang", "crash", "record-fail", "record-work", "load", "migrate", "migrate", "migrate-storage"),
    *("start", "stop", "disable", "maintenance", "end-maintenance", "rolling", "shutdown", "reboot"),
]


@st.composite
def policies(draw) -> Policies:
    base = policies_of(draw(st.sampled_from(["vsphere", "proxmox"])))
    if base.product == "vsphere":
        ha = structs.replace(
            base.ha,
            fencing=draw(st.sampled_from(["lock", "power", "none"])),
            isolation=draw(st.sampled_from(["none", "power-off", "shutdown"])),
            gate=draw(st.sampled_from(["none", "started", "up"])),
            batch=draw(st.sampled_from([1, 2, 32])),
            apd=draw(st.sampled_from(["conservative", "aggressive"])),
            strict_gather=draw(st.booleans()),
        )
    else:
        ha = structs.replace(base.ha, shutdown=draw(st.sampled_from(["migrate", "freeze", "failover"])))
    remedy = draw(st.sampled_from(["none", "sdps", "auto-converge", "post-copy", "raise-limit", "stop"]))
    return structs.replace(
        base,
        ha=ha,
        ft=structs.replace(base.ft, separate=draw(st.sampled_from(["host", "rack"]))),
        drs=structs.replace(base.drs, enabled=draw(st.booleans()), dpm=draw(st.booleans())),
        migration=structs.replace(base.migration, remedy=remedy),
        capacity=structs.replace(base.capacity, vcpu_per_core=draw(st.sampled_from([1.0, 4.0]))),
    )


@st.composite
def rehearsals(draw) -> tuple[Estate, Script]:
    estate = draw(estates())
    hosts = [host.name for host in estate.hosts]
    vms = [vm.name for vm in estate.vms]
    script = draw(st.lists(instructions(estate), max_size=12))
    return estate, Script(
        policies=draw(policies()),
        instructions=tuple(sorted(script, key=lambda instruction: instruction.at_s)),
        guests={
            name: draw(guests(vms, hosts))
            for name in draw(st.lists(st.sampled_from(vms), max_size=4, unique=True))
        },
        until_s=20_000.0,
        cold=draw(st.sampled_from([False, False, False, True])),
        begins_cut=tuple(draw(st.lists(st.sampled_from(hosts), max_size=2, unique=True)))
        if draw(st.sampled_from([False, False, True]))
        else (),
    )
