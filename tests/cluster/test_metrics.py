"""/metrics: numbers that another library reads, for whoever bears the token and nobody else."""

from __future__ import annotations

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from cluster import services, snapshot
from cluster.models import Estate
from tests.cluster.people import administrator
from tests.cluster.test_charts import reading

pytestmark = pytest.mark.django_db
HOSTILE = 'a"\\\n<b>'


def scraped(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics", HTTP_AUTHORIZATION="Bearer secret")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_without_a_token_of_the_site_there_is_no_page(client: Client) -> None:
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


@pytest.mark.parametrize(
    "header", ["", "secret", "Bearer", "Bearer secre", "Bearer secret2", "Bearer sécret"]
)
def test_a_wrong_token_is_refused(client: Client, settings: object, header: str) -> None:
    settings.METRICS_TOKEN = "secret"  # type: ignore[attr-defined]
    assert client.get("/metrics", HTTP_AUTHORIZATION=header).status_code == 401


def test_a_scraper_reads_what_the_rows_say(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "secret"  # type: ignore[attr-defined]
    estate = Estate.objects.create(name=HOSTILE)
    snapshot.save(estate, reading(3, 12))
    services.start_wiring(administrator(), estate)
    found = scraped(client)
    assert found["headroom_hosts", (("estate", HOSTILE),)] == 3
    assert found["headroom_vms_running", (("estate", HOSTILE),)] == 11
    assert found["headroom_runs", (("kind", "wiring"), ("state", "queued"))] == 1
    assert found["headroom_events_total", ()] == 1
    assert found["headroom_up", (("part", "database"),)] == 1
    assert found["headroom_up", (("part", "worker"),)] == 0
