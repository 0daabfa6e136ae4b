"""What changes something on a vSphere server, and what it says of what was asked: one call each, never two.

A migration is RelocateVM_Task: it moves between hosts wherever MigrateVM_Task does, and the simulator has it.
What vSphere HA protects, its cluster decides: there is no call here for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pyVmomi import vim, vmodl

from operations.drivers.base import DriverError
from operations.drivers.remote import ABOUT_HOSTS, NotBegun, Order, SubjectNow, TaskNow, TaskState
from operations.drivers.vsphere.collector import Found, read_all
from operations.drivers.vsphere.names import plain
from planner.sentence import Sentence

DESCRIBED: Final[dict[str, tuple[str, ...]]] = {
    "migrate": ("VirtualMachine.relocate", "VirtualMachine.migrate", "Drm.ExecuteVMotionLRO"),
    "power-on": ("VirtualMachine.powerOn",),
    "power-off": ("VirtualMachine.powerOff",),
    "reset": ("VirtualMachine.reset",),
    "enter": ("HostSystem.enterMaintenanceMode",),
    "leave": ("HostSystem.exitMaintenanceMode",),
    "ft-on": ("VirtualMachine.createSecondary", "VirtualMachine.createSecondaryEx"),
    "ft-off": ("VirtualMachine.turnOffFaultTolerance",),
}
NO_TIMEOUT: Final = 0
NO_FT: Final = "notConfigured"
STATES: Final[dict[str, TaskState]] = {"queued": "queued", "success": "success", "error": "error"}
HOST: Final = ("name", "parent", "runtime.inMaintenanceMode", "runtime.connectionState", "recentTask")
# Faults that a server raises while it reads the request, before it does anything.
BEFORE_ANYTHING: Final = (
    vmodl.fault.ManagedObjectNotFound,
    vmodl.fault.InvalidArgument,
    vmodl.fault.InvalidRequest,
    vmodl.fault.NotSupported,
    vmodl.fault.SecurityError,
)


def look(instance: Any, order: Order) -> SubjectNow:
    """Read the subject of an order."""
    if order.kind in ABOUT_HOSTS:
        return host_now(instance, order.subject)
    vm = vim.VirtualMachine(order.subject_id, instance._stub)
    try:
        return SubjectNow(
            exists=True,
            name=vm.name,
            host=vm.runtime.host.name if vm.runtime.host else "",
            power=str(vm.runtime.powerState),
            connected=vm.runtime.connectionState == "connected",
            busy=_busy(vm.recentTask),
            ft=str(vm.runtime.faultToleranceState or NO_FT) != NO_FT,
        )
    except vmodl.fault.ManagedObjectNotFound:
        return SubjectNow(exists=False)


def host_now(instance: Any, name: str) -> SubjectNow:
    """Read a host by its name."""
    host = _host(instance, name)
    if host is None:
        return SubjectNow(exists=False)
    told = host.properties
    return SubjectNow(
        exists=True,
        name=name,
        maintenance=bool(told.get("runtime.inMaintenanceMode")),
        connected=told.get("runtime.connectionState") == "connected",
        busy=_busy(told.get("recentTask") or ()),
    )


def submit(instance: Any, order: Order) -> str:
    """Ask for it, once; give the id of the server's task.

    Raises:
        NotBegun: the server refused.
        DriverError (by the session): nobody knows whether it was begun.
    """
    try:
        return str(_submit(instance, order)._moId)
    except vmodl.RuntimeFault as error:
        if isinstance(error, BEFORE_ANYTHING):
            raise NotBegun(_message(error)) from error
        raise  # a fault on the way: the task may be under way
    except vmodl.MethodFault as error:
        raise NotBegun(_message(error)) from error


def _submit(instance: Any, order: Order) -> Any:
    vm = vim.VirtualMachine(order.subject_id, instance._stub)
    match order.kind:
        case "migrate":
            target = _host(instance, order.destination)
            if target is None:
                raise NotBegun(Sentence("{host} is not there", {"host": order.destination}))
            host = vim.HostSystem(target.id, instance._stub)
            pool = target.properties["parent"].resourcePool
            return vm.RelocateVM_Task(vim.vm.RelocateSpec(host=host, pool=pool))
        case "power-on":
            return vm.PowerOnVM_Task()
        case "power-off":
            return vm.PowerOffVM_Task()
        case "enter":
            return _subject_host(instance, order).EnterMaintenanceMode_Task(NO_TIMEOUT, True)
        case "leave":
            return _subject_host(instance, order).ExitMaintenanceMode_Task(NO_TIMEOUT)
        case "ft-on":
            return (
                vm.CreateSecondaryVM_Task()
            )  # on a host of vSphere's choice; its licence is vSphere's to ask
        case "ft-off":
            return vm.TurnOffFaultToleranceForVM_Task()
        case "protect" | "unprotect" | "restart":
            raise NotBegun(Sentence("vSphere HA protects by its cluster's own settings: change them there"))


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
    subject = order.subject_id
    if order.kind in ABOUT_HOSTS:
        host = _host(instance, order.subject)
        subject = "" if host is None else host.id
    for task in instance.RetrieveContent().taskManager.recentTask:
        try:
            info = task.info
        except vmodl.fault.ManagedObjectNotFound:
            continue
        ours = info.entity is not None and info.entity._moId == subject
        if ours and info.queueTime >= since and str(info.descriptionId) in DESCRIBED.get(order.kind, ()):
            return str(task._moId)
    return None


def abort(instance: Any, identity: str) -> None:
    """Ask that a task end; one that is over, or gone, needs no end."""
    try:
        vim.Task(identity, instance._stub).CancelTask()
    except (vmodl.fault.ManagedObjectNotFound, vim.fault.InvalidState):
        return
    except (vmodl.fault.NotSupported, vmodl.fault.InvalidRequest) as error:
        raise DriverError(
            Sentence("The server cannot end this task before its time"), permanent=True
        ) from error


def _busy(tasks: Any) -> bool:
    """Whether a task is under way; one that is forgotten between two questions is not."""
    for task in tasks:
        try:
            if task.info.state in ("queued", "running"):
                return True
        except vmodl.fault.ManagedObjectNotFound:
            continue
    return False


def _subject_host(instance: Any, order: Order) -> Any:
    found = _host(instance, order.subject)
    if found is None:
        raise NotBegun(Sentence("{host} is not there", {"host": order.subject}))
    return vim.HostSystem(found.id, instance._stub)


def _host(instance: Any, name: str) -> Found | None:
    """Find a host by its name, as the inventory writes it: one request for all hosts."""
    return next((found for found in read_all(instance, vim.HostSystem, HOST) if plain(found) == name), None)


def _message(fault: Any) -> str:
    if fault is None:
        return ""
    said = getattr(fault, "localizedMessage", "") or getattr(fault, "msg", "") or type(fault).__name__
    return str(said).splitlines()[0][:200]
