"""Does it fit, where, at what cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.__main__ import main
from planner.appliance import offers
from planner.estate import VM, Datastore, Estate
from planner.formats.document import write_document
from planner.parameters import ParameterError, Parameters
from tests.planner.small import host, reading, vm

OVF = (
    "<Envelope><DiskSection>"
    '<Disk diskId="d" capacity="60" capacityAllocationUnits="byte * 2^30"/></DiskSection>'
    '<VirtualSystem id="mail"><VirtualHardwareSection>'
    "<Item><ResourceType>3</ResourceType><VirtualQuantity>{vcpus}</VirtualQuantity></Item>"
    "<Item><ResourceType>4</ResourceType><VirtualQuantity>{mib}</VirtualQuantity></Item>"
    "<Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>"
    "<Item><ResourceType>10</ResourceType><Connection>dmz</Connection></Item>"
    "</VirtualHardwareSection></VirtualSystem></Envelope>"
)


def mail(**given: object) -> Estate:
    usual: dict[str, object] = {"vcpus": 4, "memory_mib": 32768, "disk_mib": 61440, "networks": ("dmz",)}
    return Estate(vms=(VM(name="mail", power="on", **{**usual, **given}),))  # type: ignore[arg-type]


def test_it_goes_where_there_is_room_beside_what_runs() -> None:
    busy = [vm(f"busy{n}", host="h1", memory_mib=28000) for n in range(4)]
    into = reading(
        [host("h1"), host("h2")],
        busy,
        [Datastore(name="ds", capacity_mib=400_000, used_mib=0)],
        clusters=["c"],
    )
    (offer,) = offers(mail(), into, Parameters(failures=0))
    assert (offer.fits, offer.hosts, offer.datastores) == (True, {"mail": "h2"}, {"mail": "ds"})
    assert offer.networks_missing == ("dmz",)


def test_a_reserve_that_it_would_eat_is_a_no() -> None:
    into = reading([host("h1"), host("h2")], [vm("big", host="h1", memory_mib=100_000)], clusters=["c"])
    (offer,) = offers(mail(), into, Parameters(failures=1))
    assert offer.fits is False
    assert offer.hosts == {"mail": "h2"}
    assert (offer.failures_tolerated_before, offer.failures_tolerated_after) == (1, 0)
    assert [(line.item, line.low) for line in offer.cost if line.item == "hosts"] == [("hosts", None)]


def test_a_full_datastore_is_named() -> None:
    store = Datastore(name="ds", capacity_mib=1000, used_mib=900)
    into = reading([host("h1")], [], [store], clusters=["c"])
    (offer,) = offers(mail(), into, Parameters(failures=0))
    assert offer.fits is False
    assert (
        str(offer.refusals[0]) == "mail wants 61440 MiB of disk; the most that one datastore has free is 100"
    )


def test_a_vm_of_the_same_name_does_not_confuse_it() -> None:
    (offer,) = offers(
        mail(), reading([host("h1")], [vm("mail", host="h1")], clusters=["c"]), Parameters(failures=0)
    )
    assert offer.hosts == {"mail (2)": "h1"}


def test_an_estate_without_hosts_is_not_judged() -> None:
    (offer,) = offers(mail(), reading(vms=[vm("a")], clusters=["c"]), Parameters())
    assert offer.fits is None


def test_an_unknown_cluster_is_refused() -> None:
    with pytest.raises(ParameterError):
        offers(mail(), reading([host("h1")], clusters=["c"]), Parameters(cluster="nowhere"))


@pytest.mark.parametrize(("mib", "status"), [(4096, 0), (2_000_000, 1)])
def test_the_command_answers_with_its_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mib: int, status: int
) -> None:
    (tmp_path / "mail.ovf").write_text(OVF.format(vcpus=2, mib=mib))
    estate = reading([host("h1"), host("h2")], [vm("a", host="h1")], clusters=["c"]).estate
    (tmp_path / "estate.json").write_bytes(write_document(estate))
    arguments = ["appliance", str(tmp_path / "mail.ovf"), "--into", str(tmp_path / "estate.json")]
    assert main(arguments) == status
    text = capsys.readouterr().out
    assert text.startswith("1 VM: 2 vCPU")
    assert ("c: fits" in text) is (status == 0)
    assert main([*arguments, "--json"]) == status
    assert json.loads(capsys.readouterr().out)["offers"][0]["fits"] is (status == 0)
