"""What the vSphere reader has to say, kept where every page's sentences are."""

from __future__ import annotations

from typing import Final

from planner.sentence import Sentence

NO_CONFIGURATION: Final = Sentence("{vm} shows no configuration; it counts with 0 vCPUs and 0 MiB").template
SAME_NAME: Final = Sentence("{count} {kind} are called {name}; they are told apart by their ids").template
UNKNOWN_RULE: Final = Sentence("The rule {rule} is of a kind that is not known; it was left out").template
LICENCES_HIDDEN: Final = Sentence("The licences may not be read by this user").template
LICENCE: Final = Sentence("Licence {name}: {used} of {total} in use").template
NO_COUNTERS: Final = Sentence(
    "The performance counters could not be read ({fault}): demand is unknown"
).template
MEASURED: Final = Sentence(
    "Demand is the 95th percentile of {hours} h in samples of {sample} s: {count} of {running} running VMs "
    "were seen for half of it or more; the others' demand is unknown"
).template
