"""XML text -> a tree of plain values, strictly: no DTD, so no entity and no bomb; no depth without end.

Names are local names, for the same descriptor comes with its namespaces spelled in many ways; a namespace
that is no URI is refused, as libxml2 does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn
from xml.parsers import expat

from msgspec import Struct

from planner.formats.text import cleaned, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

MAX_BYTES: Final = 16 * 1024 * 1024  # 3,000 times a usual descriptor
MAX_DEPTH: Final = 100  # descriptors and domains stay below 12
MAX_ELEMENTS: Final = 500_000
MAX_SHOWN: Final = 60
_SEPARATOR: Final = "\n"  # between namespace and name; no name can hold it
# RFC 3986 without its grammar: what may stand in a URI at all.
_URI: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")


class Element(Struct, gc=False):
    """One element: `attributes` by local name, `text` before its first child, trimmed."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = []

    def all(self, *names: str) -> Iterator[Element]:
        """Give the children of these names, in their order."""
        return (child for child in self.children if child.name in names)

    def one(self, *path: str) -> Element | None:
        """Follow the first child of each name; None where one is missing."""
        found: Element | None = self
        for name in path:
            found = next((child for child in found.children if child.name == name), None) if found else None
        return found

    def word(self, *path: str) -> str | None:
        """Give the text at a path; None where there is none, or nothing in it."""
        found = self.one(*path)
        return (found.text or None) if found is not None else None

    def below(self) -> Iterator[Element]:
        """Give everything below, in the order of the document."""
        for child in self.children:
            yield child
            yield from child.below()


def looks_like_xml(start: bytes) -> bool:
    """Whether a file begins as XML does, in one of the encodings XML is written in."""
    plain = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return plain.startswith(b"<")


def decoded_xml(data: bytes) -> Element:
    """Parse an XML text.

    Raises:
        FormatError: not well-formed, larger or deeper than the limits, or with a DTD; the row is the line.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(
            Sentence(
                "The XML has {bytes} bytes; the limit is {limit}", {"bytes": len(data), "limit": MAX_BYTES}
            )
        )
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise FormatError(
            Sentence(
                "The XML is not well-formed: {reason} (column {position})",
                {"reason": expat.ErrorString(error.code), "position": error.offset + 1},
            ),
            row=error.lineno,
        ) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know, or not for expat
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            Sentence(
                "The XML cannot be decoded: {reason}", {"reason": shortened(cleaned(str(error)), MAX_SHOWN)}
            )
        ) from error
    return builder.root


class _Builder:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartNamespaceDeclHandler = self._namespace
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[Element] = []
        self._count = 0
        self.root = Element("", {}, 0)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            self._refuse(Sentence("The XML is nested more than {limit} deep", {"limit": MAX_DEPTH}))
        if self._count > MAX_ELEMENTS:
            self._refuse(Sentence("The XML holds more than {limit} elements", {"limit": MAX_ELEMENTS}))
        local = {key.rpartition(_SEPARATOR)[2]: cleaned(value) for key, value in attributes.items()}
        element = Element(name.rpartition(_SEPARATOR)[2], local, self.parser.CurrentLineNumber, "", [])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = cleaned(element.text)

    def _text(self, text: str) -> None:
        if not self._open[-1].children:
            self._open[-1].text += text

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if uri and not _URI.fullmatch(uri):
            self._refuse(
                Sentence(
                    "The namespace of {prefix} is no URI: {found}",
                    {"prefix": prefix or "xmlns", "found": shortened(cleaned(uri), 120)},
                )
            )

    def _doctype(self, *_: object) -> None:
        self._refuse(Sentence("The XML brings a DTD of its own, which is refused: it could hide a bomb"))

    def _refuse(self, sentence: Sentence) -> NoReturn:
        raise FormatError(sentence, row=self.parser.CurrentLineNumber)
