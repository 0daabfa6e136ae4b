"""The topology of a cluster as SVG for print: the layers of the page, many hosts as their racks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from planner.paths.picture import Node, Picture

WIDTH, HEIGHT, GAP, LAYER_GAP, ROW_GAP, LEFT, PAD = 108, 30, 10, 38, 8, 84, 10
ACROSS: Final = 8
GROUP_FROM: Final = 14  # as the page groups
NAME_MAX: Final = 17
INK, INK_3, RULE, SUNKEN = "#0e1626", "#58657c", "#9aa7bb", "#eef1f7"
STATES: Final[Mapping[str, tuple[str, str, str]]] = {  # stroke, fill, dashes
    "lost": ("#b01722", "#fde5e4", ""),
    "single": ("#b01722", "#ffffff", ""),
    "unknown": ("#4b5870", "#e6eaf1", "4 3"),
    "redundant": (RULE, "#ffffff", ""),
}
WORST: Final = ("lost", "single", "unknown", "redundant")


def svg_of(picture: Picture, layers: Sequence[str], kinds: Mapping[str, str], nobody: str, hosts: str) -> str:
    """Draw a picture.

    Args:
        layers, kinds: the words for them; nobody: for what was never named; hosts: "{count} hosts".
    """
    nodes, of = _grouped(picture, hosts)
    places, bands, width, height = _placed(nodes)
    drawn = [_band(layers[layer], top, bottom, width) for layer, top, bottom in bands]
    lines = {
        tuple(sorted((of.get(line.a, line.a), of.get(line.b, line.b)))): line.known for line in picture.lines
    }
    drawn += [
        _line(places[a], places[b], known)
        for (a, b), known in lines.items()
        if a != b and a in places and b in places
    ]
    drawn += [_node(node, *places[node.id], kinds, nobody) for node in nodes]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Hanken Grotesk, DejaVu Sans">'
    )
    return head + "".join(drawn) + "</svg>"


def _grouped(picture: Picture, words: str) -> tuple[list[Node], dict[str, str]]:
    """Put many hosts together by their racks, or by tens where nobody told racks."""
    hosts = [node for node in picture.nodes if node.kind == "host"]
    if len(hosts) <= GROUP_FROM:
        return list(picture.nodes), {}
    groups: dict[str, list[Node]] = {}
    for place, host in enumerate(hosts):
        groups.setdefault(host.group or f"{place // 10 * 10 + 1}+", []).append(host)
    of = {host.id: f"group:{name}" for name, inside in groups.items() for host in inside}
    made = [
        Node(
            id=f"group:{name}",
            kind=words.format(count=len(inside)),
            name=name,
            layer=inside[0].layer,
            state=min((host.state for host in inside), key=WORST.index),
        )
        for name, inside in groups.items()
    ]
    return [*(node for node in picture.nodes if node.id not in of), *made], of


def _placed(
    nodes: Sequence[Node],
) -> tuple[dict[str, tuple[float, float]], list[tuple[int, float, float]], float, float]:
    layers: dict[int, list[Node]] = {}
    for node in nodes:
        layers.setdefault(node.layer, []).append(node)
    widest = min(ACROSS, max((len(layer) for layer in layers.values()), default=1))
    width = LEFT + max(3, widest) * (WIDTH + GAP) + PAD
    places: dict[str, tuple[float, float]] = {}
    bands = []
    y = float(PAD)
    for layer in sorted(layers):
        top = y
        members = sorted(layers[layer], key=lambda node: node.name)
        for start in range(0, len(members), ACROSS):
            row = members[start : start + ACROSS]
            used = len(row) * (WIDTH + GAP) - GAP
            begin = LEFT + (width - LEFT - PAD - used) / 2
            for place, node in enumerate(row):
                places[node.id] = (begin + place * (WIDTH + GAP), y)
            y += HEIGHT + ROW_GAP
        y -= ROW_GAP
        bands.append((layer, top, y))
        y += LAYER_GAP
    return places, bands, width, y - LAYER_GAP + PAD


def _band(word: str, top: float, bottom: float, width: float) -> str:
    middle = (top + bottom) / 2 + 3
    return (
        f'<rect x="0" y="{top - 5:g}" width="{width:g}" height="{bottom - top + 10:g}" fill="{SUNKEN}"/>'
        f'<text x="6" y="{middle:g}" font-size="9" fill="{INK_3}">{_text(word)}</text>'
    )


def _line(a: tuple[float, float], b: tuple[float, float], known: bool) -> str:
    (ax, ay), (bx, by) = sorted((a, b), key=lambda one: one[1])
    dashes = "" if known else ' stroke-dasharray="3 4"'
    if abs(ay - by) < 1:
        left, right = sorted((ax, bx))
        y = ay + HEIGHT / 2
        return f'<path d="M{left + WIDTH:g} {y:g}H{right:g}" stroke="{RULE}" fill="none"{dashes}/>'
    x1, y1, x2, y2 = ax + WIDTH / 2, ay + HEIGHT, bx + WIDTH / 2, by
    middle = (y1 + y2) / 2
    way = f"M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"
    return f'<path d="{way}" stroke="{RULE}" fill="none"{dashes}/>'


def _node(node: Node, x: float, y: float, kinds: Mapping[str, str], nobody: str) -> str:
    stroke, fill, dashes = STATES[node.state]
    placeholder = node.id.startswith("?")
    kind = kinds.get(node.kind.removeprefix("?"), node.kind)
    name = nobody if placeholder else node.name
    thick = "2" if node.state in ("single", "lost") else "1"
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="2" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="{thick}"{dashed}/>'
        f'<text x="{x + 6:g}" y="{y + 11:g}" font-size="7" fill="{INK_3}">{_text(kind)}</text>'
        f'<text x="{x + 6:g}" y="{y + 23:g}" font-size="9" fill="{INK}">{_text(name)}</text>'
    )


def _text(words: str) -> str:
    """A text for XML, short enough for its box, without what XML cannot hold."""
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in words)
    shown = shown if len(shown) <= NAME_MAX + 3 else f"{shown[: NAME_MAX + 2]}…"
    return escape(shown)
