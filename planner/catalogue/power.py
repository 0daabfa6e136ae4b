"""What a host draws, what a data centre adds, what a kWh costs."""

from __future__ import annotations

from typing import Final

from planner.catalogue import fact

_SPEC: Final = "SPECpower_ssj2008, median of the single-node two-socket results published in 2021"

HOST_IDLE_W: Final = fact("host_idle_w", "110", "W", _SPEC, "2021")
HOST_FULL_W: Final = fact("host_full_w", "468", "W", _SPEC, "2021")
PUE: Final = fact("pue", "1.54", "ratio", "Uptime Institute, Global Data Center Survey, average PUE", "2025")
ELECTRICITY_EUR_KWH: Final = fact(
    "electricity_eur_kwh", "0.1902", "EUR/kWh", "Eurostat, non-household consumers, EU, first half", "2025"
)
# Where an export tells no CPU usage.  No source: an assumption that the plan prints.
ASSUMED_UTILISATION_PERCENT: Final = fact(
    "assumed_utilisation_percent", "35", "%", "assumption; enter what you measure", "2025"
)
