"""What the reader of a live Proxmox VE has to say, kept where every page's sentences are."""

from __future__ import annotations

from typing import Final

from planner.sentence import Sentence

SEES_NOTHING: Final = Sentence(
    "The token {token} may see nothing, so every list is empty: with privilege separation a token has only "
    "what is granted to itself. Grant it the role PVEAuditor on / (Datacenter, Permissions, Add, API Token "
    "Permission)"
).template
PARTLY_SEEN: Final = Sentence(
    "The token {token} lacks {missing} on /: what it may not see is missing here. Grant it the role "
    "PVEAuditor on /"
).template
NODE_UNREACHED: Final = Sentence(
    "The node {node} could not be reached ({said}); it counts as offline"
).template
GUEST_AS_LAST_SEEN: Final = Sentence("{vm} is on the offline node {node}; it is shown as last seen").template
