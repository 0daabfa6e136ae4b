"""Random estates and scripts: clusters in every kind of trouble, most of them small, some with many VMs."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import structs

from operations.guest import Guest
from operations.instruction import WORDS, Instruction
from operations.policy import Policies, policies_of
from operations.script import Script
from planner.estate import VM, Datastore, Disk, Estate, Host, Nic, Path, PortGroup, Rule

GIB = 1024
STORES = ("san-a", "san-b")
CPUS = ("Intel Xeon E5-2680 v3", "Intel Xeon E5-2680 v4", "AMD EPYC 7543")


@st.composite
def estates(draw) -> Estate:
    hosts = [f"esx{i}" for i in range(1, draw(st.integers(2, 6)) + 1)]
    vms = [f"vm{i}" for i in range(1, draw(st.one_of(st.integers(1, 10), st.integers(11, 30))) + 1)]
    same_cpu = draw(st.sampled_from([True, True, False]))
    rows = tuple(
        Host(
            name=name,
            sockets=2,
            cores=draw(st.sampled_from([4, 8])),
            cpu_mhz=2000.0,
            memory_mib=draw(st.sampled_from([16, 32])) * GIB,
            rack=draw(st.sampled_from(["r1", "r2", None])),
            site=draw(st.sampled_from(["s1", "s1", "s2"])),
            cpu_model=None if same_cpu else draw(st.sampled_from(CPUS)),
            evc=None if same_cpu else draw(st.sampled_from([None, "intel-haswell"])),
            connected=draw(st.sampled_from([True] * 7 + [False])),
            maintenance=draw(st.sampled_from([False] * 9 + [True])),
            nics=(Nic(device="nic0", speed_mbit=draw(st.sampled_from([1000, 10000]))),),
        )
        for name in hosts
    )
    free = dict.fromkeys(hosts, 12 * GIB)
    machines = [draw(machine(name, hosts, free)) for name in vms]
    machines += [
        draw(second_copy(vm, hosts)) for vm in machines if vm.ft == "primary" and draw(st.booleans())
    ]
    stores = tuple(
        Datastore(
            name=name,
            capacity_mib=draw(st.sampled_from([10**6, 10**5 + 15 * GIB])),
            used_mib=10**5,
            shared=draw(st.sampled_from([True, True, True, False])),
            hosts=draw(st.sampled_from([(), tuple(hosts[:2])])),
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
        port_groups=(PortGroup(name="lan", hosts=draw(st.sampled_from([(), tuple(hosts[:-1])]))),),
        rules=tuple(draw(st.lists(rules(hosts, vms), max_size=4))),
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
        disks=draw(
            st.sampled_from([(), (Disk(name="1", capacity_mib=10 * GIB, thin=False),)]),
        ),
        datastores=draw(st.sampled_from([STORES[:1], STORES[1:], STORES])),
        networks=draw(st.sampled_from([(), (), ("lan",)])),
        restart_priority=draw(st.sampled_from(["highest", "high", "medium", "low", "disabled", "medium"])),
        ft=draw(st.sampled_from(["none", "none", "none", "primary"])),
        cpu_demand_mhz=draw(st.sampled_from([None, 500.0, 4000.0])),
    )


@st.composite
def second_copy(draw, vm: VM, hosts: list[str]) -> VM:
    """The row of an FT pair's second copy, wherever somebody recorded it."""
    return structs.replace(
        vm,
        name=f"{vm.name} (secondary)",
        ft="secondary",
        host=draw(st.sampled_from(hosts)),
        power=draw(st.sampled_from(["on", "on", "off"])),
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
        cpu_pinned=draw(st.sampled_from([False] * 5 + [True])),
        passthrough=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def instructions(draw, estate: Estate) -> Instruction:
    at_s = draw(
        st.one_of(st.integers(0, 2000).map(float), st.sampled_from([0.0, 100.0, 100.0, 118.0, 130.0, 500.0]))
    )
    verb = draw(st.sampled_from(VERBS))
    words = WORDS[verb]
    if words == ("groups",):
        return Instruction(at_s, verb, groups=draw(parts(estate)))
    if words == ("group",):
        return Instruction(at_s, verb, groups=(draw(groups(estate)),))
    known = {
        "host": [host.name for host in estate.hosts],
        "vm": [vm.name for vm in estate.vms if vm.ft != "secondary"],
        "datastore": STORES[:1] if "path" in words else STORES,
        "path": "xy",
    }
    names = tuple(draw(st.sampled_from(known[word])) for word in words if word in known)
    return Instruction(
        at_s, verb, names, number=float(draw(st.integers(0, 9000))) if "number" in words else 0.0
    )


@st.composite
def parts(draw, estate: Estate) -> tuple[tuple[str, ...], ...]:
    names = tuple(host.name for host in estate.hosts)
    at = draw(st.integers(1, len(names) - 1))
    if at + 1 < len(names) and draw(st.booleans()):
        return names[:at], names[at : at + 1], names[at + 1 :]
    return names[:at], names[at:]


@st.composite
def groups(draw, estate: Estate) -> tuple[str, ...]:
    """What fails together: a rack, a site, or every other host on one power feed."""
    by = draw(st.sampled_from(["rack", "site", "feed"]))
    if by == "feed":
        return tuple(host.name for host in estate.hosts[draw(st.integers(0, 1)) :: 2])
    one = draw(st.sampled_from(estate.hosts))
    return tuple(host.name for host in estate.hosts if getattr(host, by) == getattr(one, by))


VERBS = [
    *("fail", "fail", "repair", "repair", "cut", "isolate", "join", "part", "heal"),
    *("fail-group", "repair-group"),
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
            apd=draw(st.sampled_from(["disabled", "warning", "conservative", "aggressive"])),
            pdl=draw(st.sampled_from(["disabled", "warning", "restart", "restart"])),
            strict_gather=draw(st.booleans()),
            shutdown=draw(st.sampled_from(["migrate", "freeze", "failover"])),
            keeps_rules=draw(st.sampled_from([False, False, True])),
            failback=draw(st.sampled_from([False, False, True])),
            monitors=draw(st.booleans()),
        )
    else:
        ha = structs.replace(
            base.ha,
            shutdown=draw(st.sampled_from(["migrate", "freeze", "failover"])),
            gate=draw(st.sampled_from(["none", "none", "started", "up"])),
        )
    remedy = draw(
        st.sampled_from(["none", "sdps", "auto-converge", "post-copy", "raise-limit", "stop", "time-out"])
    )
    return structs.replace(
        base,
        ha=ha,
        ft=structs.replace(
            base.ft,
            separate=draw(st.sampled_from(["host", "rack", "site"])),
            max_vms=draw(st.sampled_from([0, 1, 4])),
        ),
        drs=structs.replace(
            base.drs,
            enabled=draw(st.booleans()),
            dpm=draw(st.booleans()),
            threshold=draw(st.sampled_from([1, 3, 5])),
            cooldown_s=draw(st.sampled_from([0.0, 1800.0])),
        ),
        migration=structs.replace(
            base.migration,
            remedy=remedy,
            time_out_s=draw(st.sampled_from([5.0, 3600.0])),
            host_units=draw(st.sampled_from([2, 4, 8])),
            datastore_units=draw(st.sampled_from([2, 16, 128])),
            site_rtt_ms=draw(st.sampled_from([None, None, 5.0, 200.0])),
            cap_mib_s=draw(st.sampled_from([None, None, 20.0])),
        ),
        capacity=structs.replace(base.capacity, vcpu_per_core=draw(st.sampled_from([1.0, 4.0]))),
    )


@st.composite
def rehearsals(draw) -> tuple[Estate, Script]:
    estate = draw(estates())
    hosts = [host.name for host in estate.hosts]
    vms = [vm.name for vm in estate.vms if vm.ft != "secondary"]
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
