"""Properties of many objects, a page a request; and what changed since, by WaitForUpdatesEx."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any, Final, TypeAlias

from msgspec import Struct
from pyVmomi import vim, vmodl

PAGE: Final = 500  # objects a request: a page of VMs with their devices is some MiB
WAIT_S: Final = 60  # one wait for changes; a vCenter answers within its own 30 minutes

Properties: TypeAlias = dict[str, Any]
Collector: TypeAlias = Any
_Spec = vmodl.query.PropertyCollector


class Found(Struct, frozen=True):
    """One object: its managed object id, and the properties it has.  What it lacks is not there."""

    id: str
    properties: Properties


class Change(Struct, frozen=True):
    """What became of one object: `enter`, `modify` or `leave`."""

    id: str
    kind: str
    properties: Properties


def read_all(
    instance: vim.ServiceInstance, kind: type, paths: Sequence[str], page: int = PAGE
) -> Iterator[Found]:
    """Read the same properties of every object of a kind, below the root folder."""
    content = instance.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        collector = content.propertyCollector
        answer = collector.RetrievePropertiesEx(
            [_filter(view, {kind: paths})], _Spec.RetrieveOptions(maxObjects=page)
        )
        while answer is not None:
            for thing in answer.objects:
                yield Found(thing.obj._moId, {each.name: each.val for each in thing.propSet})
            if not answer.token:
                return
            answer = collector.ContinueRetrievePropertiesEx(answer.token)
    finally:
        view.Destroy()


def changes(
    instance: vim.ServiceInstance, wanted: dict[type, Sequence[str]], wait_s: int = WAIT_S
) -> Iterator[list[Change]]:
    """Yield what changes, batch by batch; the first one is all there is, an empty one is nothing new.

    A server answers in pages of 500 objects; a batch is all pages of one answer.

    The filter lives in a collector of its own, which dies with this generator.
    """
    content = instance.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, list(wanted), True)
    collector = content.propertyCollector.CreatePropertyCollector()
    try:
        collector.CreateFilter(_filter(view, wanted), partialUpdates=False)
        version = ""
        batch: list[Change] = []
        while True:
            options = _Spec.WaitOptions(maxWaitSeconds=wait_s, maxObjectUpdates=PAGE)
            update = collector.WaitForUpdatesEx(version, options)
            if update is None:
                yield []
                continue
            version = update.version
            batch += [
                Change(
                    each.obj._moId,
                    each.kind,
                    {one.name: one.val for one in each.changeSet if one.op != "remove"},
                )
                for part in update.filterSet
                for each in part.objectSet
            ]
            if not update.truncated:
                yield batch
                batch = []
    finally:
        try:
            collector.Destroy()
            view.Destroy()
        except (OSError, HTTPException, vmodl.MethodFault):
            pass  # a server that is gone has forgotten both


def _filter(view: Any, wanted: dict[type, Sequence[str]]) -> Any:
    through = _Spec.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    return _Spec.FilterSpec(
        objectSet=[_Spec.ObjectSpec(obj=view, skip=True, selectSet=[through])],
        propSet=[
            _Spec.PropertySpec(type=kind, pathSet=list(paths), all=False) for kind, paths in wanted.items()
        ],
    )
