"""How long parts live and how long a repair takes.  Published figures differ tenfold: each is a range."""

from __future__ import annotations

from typing import Final

from planner.catalogue import Fact, fact

_SHEETS: Final = "vendors' data sheets, as quoted; none was seen (unverified)"
_NONE: Final = "no published figure found: assumption, enter your own"

# Mean hours between failures of one part: from the worst to the best that was found.
MTBF_H: Final[dict[str, Fact]] = {
    "host": fact(
        "mtbf_host_h",
        "105000",
        "h",
        "8 % a year with any incident (Vishwanath and Nagappan 2010, abstract seen) to 1 % a year (vendor "
        "blog, low confidence); Service Express saw 0 to 0.2 % critical failures a period, not stated",
        "2010",
        high="871600",
    ),
    "switch": fact(
        "mtbf_switch_h",
        "170800",
        "h",
        "5 % a year for top-of-rack switches (Gill 2011, abstract seen) to Cisco's 1,064,279 h of a 4503-E",
        "2011",
        high="1064279",
    ),
    "psu": fact("mtbf_psu_h", "100000", "h", _SHEETS, "2025", high="500000"),
    "nic": fact("mtbf_nic_h", "1000000", "h", _SHEETS, "2025", high="5000000"),
    "hba": fact("mtbf_hba_h", "1000000", "h", "taken as a NIC's: " + _NONE, "2025", high="5000000"),
    "card": fact("mtbf_card_h", "1000000", "h", "taken as a NIC's: " + _NONE, "2025", high="5000000"),
    "port": fact("mtbf_port_h", "1000000", "h", "taken as a NIC's: " + _NONE, "2025", high="5000000"),
    "isl": fact("mtbf_isl_h", "1000000", "h", "taken as a NIC's: " + _NONE, "2025", high="5000000"),
    "controller": fact("mtbf_controller_h", "100000", "h", _NONE, "2025", high="500000"),
    "array": fact(
        "mtbf_array_h",
        "400000",
        "h",
        "99.999 % to 99.9999 % of dual-controller arrays at 4 h of repair: " + _SHEETS,
        "2025",
        high="4000000",
    ),
    "fabric": fact("mtbf_fabric_h", "500000", "h", "a zoning mistake: " + _NONE, "2025", high="2000000"),
    "stack": fact("mtbf_stack_h", "200000", "h", "shared firmware: " + _NONE, "2025", high="1000000"),
    "feed": fact("mtbf_feed_h", "35000", "h", _NONE, "2025", high="90000"),
    "chassis": fact(
        "mtbf_chassis_h",
        "119785",
        "h",
        "Intel MPCMM0002 management module 119,785 h; a whole chassis: " + _NONE,
        "2025",
        high="1000000",
    ),
    "rack": fact("mtbf_rack_h", "500000", "h", _NONE, "2025", high="2000000"),
    "room": fact("mtbf_room_h", "175200", "h", _NONE, "2025", high="876000"),
    "site": fact(
        "mtbf_site_h",
        "8760",
        "h",
        "tier II, 99.741 % (22.7 h a year), to tier III, 99.982 % (1.6 h), as quoted; at 16 h of repair",
        "2009",
        high="88000",
    ),
}
MTTR_H: Final = fact(
    "mttr_h",
    "4",
    "h",
    "a contract of 4 hours round the clock, to the next business day; assumption",
    "2025",
    high="24",
)
SITE_MTTR_H: Final = fact("site_mttr_h", "16", "h", _NONE, "2025")

RESTART_S: Final = fact(
    "ha_restart_s",
    "30",
    "s",
    "vSphere HA: dead after 15 to 18 s, then 10 to 15 s and more of listing and placing (yellow-bricks.com)",
    "2018",
)
TURN_S: Final = fact(
    "ha_turn_s", "2", "s", "32 VMs a host at a time; a start of 2 s (measured 0.4 to 1.2 s)", "2025"
)
BATCH: Final = fact(
    "ha_batch", "32", "VMs", "vSphere HA, VMs started at a time on a host (yellow-bricks.com)", "2018"
)
BOOT_S: Final = fact("boot_s", "60", "s", "30 to 120 s until a guest serves again; assumption", "2025")
RESTART_S_RANGE: Final = fact(
    "ha_restart_s",
    "25",
    "s",
    "15 s of silence and 10 s of listing and placing, to 18 s and 15 s (yellow-bricks.com)",
    "2018",
    high="33",
)
BOOT_S_RANGE: Final = fact("boot_s", "30", "s", "until a guest serves again; assumption", "2025", high="120")
FT_SWITCH_S: Final = fact(
    "ft_switch_s", "1", "s", "an FT failover is under a second or two; assumption", "2025"
)
REPROTECT_H: Final = fact(
    "ft_reprotect_h", "0.25", "h", "a new secondary within 15 minutes; assumption", "2025"
)
PLANNED_H: Final = fact(
    "planned_h_a_year",
    "4",
    "h/host/year",
    "firmware and patches, two windows of 2 h; vMotion spares the VMs; assumption",
    "2025",
)
LIFE_SHAPE: Final = fact(
    "life_shape",
    "1",
    "",
    "flat over 10 to 15 years, no bathtub, 0.5 million devices (Service Express, datacenterfrontier.com)",
    "2020",
)
REPAIR_SIGMA: Final = fact("repair_sigma", "1", "", "a lognormal repair with a long tail; assumption", "2025")


def facts() -> list[Fact]:
    """Give every row, the lives first."""
    ranges = (RESTART_S_RANGE, BOOT_S_RANGE)
    others = [value for value in globals().values() if isinstance(value, Fact) and value not in ranges]
    return [*MTBF_H.values(), *others]
