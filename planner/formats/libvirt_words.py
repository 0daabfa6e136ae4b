"""What the reader of live libvirt hosts has to say, kept where every page's sentences are."""

from __future__ import annotations

from typing import Final

from planner.sentence import Sentence

HOST_UNREACHED: Final = Sentence(
    "The host {host} could not be reached ({said}); it counts as offline, and is shown as last seen"
).template
HOST_NEVER_SEEN: Final = Sentence(
    "The host {host} could not be reached ({said}), and was never seen: it is left out"
).template
NOT_TOLD: Final = Sentence("{host} does not tell its {what}: {said}").template
STARTS_ITSELF: Final = Sentence(
    "{vm} starts by itself with {host}: were it restarted elsewhere, it would run twice once {host} comes "
    "back. Switch autostart off"
).template
UNSAFE_EMULATION: Final = Sentence(
    "{host} emulates VMs without KVM on QEMU {version}, which damages the memory of what it migrates: no "
    "such VM is migrated before QEMU 9"
).template
IN_THE_CLEAR: Final = Sentence(
    "{host} is reached by qemu+tcp: what is said there goes over the network in the clear"
).template
