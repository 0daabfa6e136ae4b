"""What changes something on a vSphere server, and what it says of what was asked: one call each, never two.

A migration is RelocateVM_Task: it moves between hosts wherever MigrateVM_Task does, and the simulator has it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from pyVmomi import vim, vmodl

Kind: TypeAlias = Literal["migrate", "power-on", "power-off", "reset", "enter", "leave"]
TaskState: TypeAlias = Literal["queued", "running", "success", "error", "gone"]
DESCRIBED: Final[dict[str, tuple[str, ...]]] = {
    "migrate": ("VirtualMachine.relocate", "VirtualMachine.migrate", "Drm.ExecuteVMotionLRO"),
    "power-on": ("VirtualMachine.powerOn",),
    "power-off": ("VirtualMachine.powerOff",),
    "reset": ("VirtualMachine.reset",),
    "enter": ("HostSystem.enterMaintenanceMode",),
    "leave": ("HostSystem.exitMaintenanceMode",),
}
NO_TIMEOUT: Final = 0
STATES: Final[dict[str, TaskState]] = {"queued": "queued", "success": "success", "error": "error"}
# Faults that a server raises while it reads the request, before it does anything.
BEFORE_ANYTHING: Final = (
    vmodl.fault.ManagedObjectNotFound,
    vmodl.fault.InvalidArgument,
    vmodl.fault.InvalidRequest,
    vmodl.fault.NotSupported,
    vmodl.fault.SecurityError,
)


class NotBegun(Exception):
    """The server said no before anything began; the message is its reason."""


class Order(Struct, frozen=True, kw_only=True):
    """One thing to do; hosts by name, the subject by the id that the inventory gave."""

    kind: Kind
    subject_id: str
    subject: str
    source: str = ""
    destination: str = ""


class TaskNow(Struct, frozen=True):
    """A task as the server tells it; `gone`: it is not remembered any more."""

    state: TaskState
    error: str = ""
    seconds: float | None = None


class SubjectNow(Struct, frozen=True, kw_only=True):
    """What the order is about, as it stands now; `host` is where a VM is."""

    exists: bool
    name: str = ""
    host: str = ""
    power: str = ""
    maintenance: bool = False
    connected: bool = True
    busy: bool = False


def look(instance: Any, order: Order) -> SubjectNow:
    """Read the subject of an order."""
    about_host = order.kind in ("enter", "leave")
    thing = (vim.HostSystem if about_host else vim.VirtualMachine)(order.subject_id, instance._stub)
    try:
        busy = any(task.info.state in ("queued", "running") for task in thing.recentTask)
        if about_host:
            return SubjectNow(
                exists=True,
                name=thing.name,
                maintenance=bool(thing.runtime.inMaintenanceMode),
                connected=thing.runtime.connectionState == "connected",
                busy=busy,
            )
        return SubjectNow(
            exists=True,
            name=thing.name,
            host=thing.runtime.host.name if thing.runtime.host else "",
            power=str(thing.runtime.powerState),
            connected=thing.runtime.connectionState == "connected",
            busy=busy,
        )
    except vmodl.fault.ManagedObjectNotFound:
        return SubjectNow(exists=False)


def host_now(instance: Any, name: str) -> SubjectNow:
    """Read a host by its name."""
    host = _host(instance, name)
    if host is None:
        return SubjectNow(exists=False)
    return SubjectNow(
        exists=True,
        name=name,
        maintenance=bool(host.runtime.inMaintenanceMode),
        connected=host.runtime.connectionState == "connected",
    )


def submit(instance: Any, order: Order) -> str:
    """Ask for it, once; give the id of the server's task.

    Raises:
        NotBegun: the server refused.
        DriverError (by the session): nobody knows whether it was begun.
    """
    try:
        return _submit(instance, order)
    except vmodl.RuntimeFault as error:
        if isinstance(error, BEFORE_ANYTHING):
            raise NotBegun(_message(error)) from error
        raise  # a fault on the way: the task may be under way
    except vmodl.MethodFault as error:
        raise NotBegun(_message(error)) from error


def _submit(instance: Any, order: Order) -> str:
    vm = vim.VirtualMachine(order.subject_id, instance._stub)
    host = vim.HostSystem(order.subject_id, instance._stub)
    match order.kind:
        case "migrate":
            target = _host(instance, order.destination)
            if target is None:
                raise NotBegun(f"{order.destination} is not there")
            pool = target.parent.resourcePool
            task = vm.RelocateVM_Task(vim.vm.RelocateSpec(host=target, pool=pool))
        case "power-on":
            task = vm.PowerOnVM_Task()
        case "power-off":
            task = vm.PowerOffVM_Task()
        case "reset":
            task = vm.ResetVM_Task()
        case "enter":
            task = host.EnterMaintenanceMode_Task(NO_TIMEOUT, True)
        case "leave":
            task = host.ExitMaintenanceMode_Task(NO_TIMEOUT)
    return str(task._moId)


def task_now(instance: Any, identity: str) -> TaskNow:
    """Read a task that was asked for."""
    try:
        info = vim.Task(identity, instance._stub).info
    except vmodl.fault.ManagedObjectNotFound:
        return TaskNow("gone")
    began, ended = info.startTime, info.completeTime
    seconds = (ended - began).total_seconds() if began and ended else None
    return TaskNow(STATES.get(str(info.state), "running"), _message(info.error), seconds)


def find_task(instance: Any, order: Order, since: datetime) -> str | None:
    """Find a task of this kind on the subject that was asked for since a time: ours, when we lost its id."""
    for task in instance.RetrieveContent().taskManager.recentTask:
        try:
            info = task.info
        except vmodl.fault.ManagedObjectNotFound:
            continue
        ours = info.entity is not None and info.entity._moId == order.subject_id
        if ours and info.queueTime >= since and str(info.descriptionId) in DESCRIBED[order.kind]:
            return str(task._moId)
    return None


def _host(instance: Any, name: str) -> Any:
    content = instance.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    try:
        return next((host for host in view.view if host.name == name), None)
    finally:
        view.Destroy()


def _message(fault: Any) -> str:
    if fault is None:
        return ""
    said = getattr(fault, "localizedMessage", "") or getattr(fault, "msg", "") or type(fault).__name__
    return str(said).splitlines()[0][:200]
