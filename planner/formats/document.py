"""The estate document, JSON, `"format": "headroom-estate/1"`: read and write.

Reading is strict about values and lenient about spelling: whole numbers may be written `2.0`, words in any
case, `ft` as true or false.  What it does not know it says, and keeps nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, get_args, get_type_hints

import msgspec

from planner.estate import FORMAT, Cluster, Estate, EstateError, Rule
from planner.formats.findings import Findings
from planner.formats.json_text import decoded_json
from planner.formats.services import note_strange_vms, refuse_contradictions
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError, Quality, Reading, SheetRead
from planner.row import Row
from planner.sentence import Sentence

LISTS: Final = tuple(Estate.__struct_fields__)
_WORDS: Final = (
    "power",
    "ft",
    "restart_priority",
    "kind",
    "state",
    "lacp",
    "level",
)  # closed sets of lower-case words
_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Document(Estate, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=FORMAT):
    """An estate with the name of its format first."""


def write_document(estate: Estate) -> bytes:
    """Give the estate as a document; `read_document` gives the same estate back.

    >>> write_document(Estate(clusters=(Cluster(name="c1"),)))
    b'{"format":"headroom-estate/1","clusters":[{"name":"c1"}]}\\n'
    """
    fields = {field: getattr(estate, field) for field in LISTS}
    return msgspec.json.encode(Document(**fields)) + b"\n"


def read_document(data: bytes) -> Reading:
    """Read a document.

    Raises:
        FormatError: no JSON, another format, a value of the wrong type or out of its bounds, two rows of one
            name; the place is written as `vms[3].memory_mib`.
    """
    findings = Findings()
    raw = decoded_json(data, findings)
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else None
        raise FormatError(
            Sentence(
                "The document is no estate: its format is {found} instead of {expected}",
                {"found": "-" if found is None else shortened(cleaned(str(found)), 60), "expected": FORMAT},
            )
        )
    _note_unknown_fields(raw, findings)
    _respell(raw)
    document = _converted(raw)
    _refuse_twins(document)
    refuse_contradictions(document.services)
    estate = Estate(**{field: getattr(document, field) for field in LISTS})
    estate = _with_named_clusters(_with_known_rules(estate, findings), findings)
    _note_strangers(estate, findings)
    note_strange_vms(estate, findings)
    for field in LISTS:
        if field in raw:
            findings.sheet_read(SheetRead(name=field, rows_read=len(getattr(estate, field))))
    try:
        estate = estate.sorted()
    except EstateError as error:
        raise FormatError(Sentence("{reason}", {"reason": str(error)})) from error
    quality = Quality(
        format=FORMAT, sheets=findings.sheets, warnings=findings.warnings, assumptions=findings.assumptions
    )
    return Reading(estate=estate, quality=quality)


def _converted(raw: Mapping[str, object]) -> Document:
    try:
        return msgspec.convert(raw, Document)
    except msgspec.ValidationError as error:
        told = _PLACE.match(str(error))
        reason, path = (told["reason"], told["path"]) if told else (str(error), "")
        raise FormatError(
            Sentence("{reason}; found {found}", {"reason": reason, "found": _found(raw, path or "")}),
            sheet=path or "",
        ) from error


def _found(raw: object, path: str) -> str:
    """Quote the value at a path such as `vms[3].memory_mib`."""
    value = raw
    for key, index in _STEP.findall(path):
        if key and isinstance(value, dict):
            value = value.get(key)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            break
    if isinstance(value, dict):
        return "{" + shortened(", ".join(value), 80) + "}"
    return shortened(cleaned(str(value)), 60)


def _respell(raw: Mapping[str, object]) -> None:
    """Bring the words of closed sets to the spelling of the types."""
    for field in ("vms", "rules", "paths", "switches", "feeds"):
        rows = raw.get(field)
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict):
                continue
            if isinstance(row.get("ft"), bool):
                row["ft"] = "primary" if row["ft"] else "none"
            for word in _WORDS:
                if isinstance(row.get(word), str):
                    row[word] = row[word].casefold()


def _note_unknown_fields(raw: Mapping[str, object], findings: Findings) -> None:
    for field in raw:
        if field != "format" and field not in LISTS:
            findings.warn(
                "The field {field} is not known; it was not read", column=_shown(field), field=_shown(field)
            )
    hints = get_type_hints(Estate)
    for field in LISTS:
        _note_unknown_keys(raw.get(field), get_args(hints[field])[0], field, field, findings)


def _note_unknown_keys(rows: object, kind: type[Row], sheet: str, path: str, findings: Findings) -> None:
    """Compare the keys of each row with the fields of its type, and those of the rows inside it."""
    known = set(kind.__struct_fields__)
    inner = {
        name: part
        for name, hint in get_type_hints(kind).items()
        if (part := next(iter(get_args(hint)), None)) and isinstance(part, type) and issubclass(part, Row)
    }
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        if not isinstance(row, dict):
            continue
        for key in row.keys() - known:
            findings.warn(
                "The field {field} is not known; it was not read, first at {path}",
                sheet=sheet,
                column=_shown(key),
                field=_shown(key),
                path=f"{path}[{index}].{_shown(key)}",
            )
        for name, part in inner.items():
            if name in row:
                _note_unknown_keys(row[name], part, sheet, f"{path}[{index}].{name}", findings)


def _refuse_twins(document: Document) -> None:
    """Refuse two rows of one name, for a reference could mean either."""
    for field in LISTS:
        rows = getattr(document, field)
        if not rows or "name" not in rows[0].__struct_fields__ or field in ("rules", "paths"):
            continue
        first: dict[str, int] = {}
        for index, row in enumerate(rows):
            if first.setdefault(row.name, index) != index:
                raise FormatError(
                    Sentence(
                        "{name} stands twice, first at {first}",
                        {"name": row.name, "first": f"{field}[{first[row.name]}]"},
                    ),
                    sheet=f"{field}[{index}].name",
                )


def _with_named_clusters(estate: Estate, findings: Findings) -> Estate:
    """Add the clusters that hosts or VMs name and the document does not list."""
    known = {cluster.name for cluster in estate.clusters}
    added: dict[str, Cluster] = {}
    for field in ("hosts", "vms"):
        for index, row in enumerate(getattr(estate, field)):
            if row.cluster is not None and row.cluster not in known:
                added.setdefault(row.cluster, Cluster(name=row.cluster))
                findings.warn(
                    "The cluster {cluster} is not listed under clusters; it was added, first named at {path}",
                    sheet=field,
                    column="cluster",
                    cluster=row.cluster,
                    path=f"{field}[{index}].cluster",
                )
    return msgspec.structs.replace(estate, clusters=(*estate.clusters, *added.values()))


def _with_known_rules(estate: Estate, findings: Findings) -> Estate:
    """Leave the VMs out of rules that the document does not list, and rules that then say nothing."""
    known = {vm.name for vm in estate.vms}
    rules: list[Rule] = []
    for index, rule in enumerate(estate.rules):
        strangers = [name for name in rule.vms if name not in known]
        if strangers:
            findings.warn(
                "The rule names {vm}, which is not listed under vms; it was left out, first at {path}",
                sheet="rules",
                column="vms",
                vm=strangers[0],
                path=f"rules[{index}].vms",
            )
            rule = msgspec.structs.replace(rule, vms=tuple(name for name in rule.vms if name in known))
            if not rule.vms:
                continue
        rules.append(rule)
    return msgspec.structs.replace(estate, rules=tuple(rules))


def _note_strangers(estate: Estate, findings: Findings) -> None:
    """Warn of hosts and datastores that are named and not listed; they are kept as they stand."""
    hosts = {host.name for host in estate.hosts}
    datastores = {datastore.name for datastore in estate.datastores}
    for index, vm in enumerate(estate.vms):
        if vm.host is not None and vm.host not in hosts:
            findings.warn(
                "The host {host} is not listed under hosts; it is kept as it stands, first at {path}",
                sheet="vms",
                column="host",
                host=vm.host,
                path=f"vms[{index}].host",
            )
        for name in vm.datastores:
            if name not in datastores:
                findings.warn(
                    "The datastore {datastore} is not listed under datastores; it is kept as it stands, "
                    "first at {path}",
                    sheet="vms",
                    column="datastores",
                    datastore=name,
                    path=f"vms[{index}].datastores",
                )


def _shown(key: str) -> str:
    return shortened(cleaned(key), 60)
