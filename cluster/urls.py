"""The addresses of the pages.  A thing that may bear any name is found by its number or in the query."""

from __future__ import annotations

from django.urls import include, path

from cluster import api
from cluster.views import (
    charts,
    clusters,
    estates,
    events,
    hosts,
    imports,
    overview,
    plans,
    prices,
    reports,
    runs,
    search,
    studies,
    tree,
    vms,
)

urlpatterns = [
    path("", include(api.urlpatterns)),
    path("", overview.overview, name="overview"),
    path("import/", imports.import_estate, name="import"),
    path("import/demo/", imports.import_demo, name="import_demo"),
    path("runs/", runs.runs, name="runs"),
    path("runs/working/", runs.working, name="runs_working"),
    path("runs/<uuid:pk>/", runs.run, name="run"),
    path("runs/<uuid:pk>/cancel/", runs.cancel, name="run_cancel"),
    path("search/", search.search, name="search"),
    path("events/", events.events, name="events"),
    path("tree/estates/<int:pk>/", tree.clusters, name="tree_estate"),
    path("tree/estates/<int:pk>/cluster/", tree.hosts, name="tree_cluster"),
    path("estates/<int:pk>/", estates.summary, name="estate"),
    path("estates/<int:pk>/quality/", estates.quality, name="estate_quality"),
    path("estates/<int:pk>/hosts/", hosts.hosts, name="estate_hosts"),
    path("estates/<int:pk>/vms/", vms.vms, name="estate_vms"),
    path("estates/<int:pk>/vms.csv", vms.vms_csv, name="estate_vms_csv"),
    path("estates/<int:pk>/datastores/", estates.datastores, name="estate_datastores"),
    path("estates/<int:pk>/events/", estates.events, name="estate_events"),
    path("estates/<int:pk>/cluster/", clusters.cluster, name="cluster"),
    path("estates/<int:pk>/plan/", plans.ask, name="plan"),
    path("estates/<int:pk>/plan/<uuid:run_pk>/", plans.answer, name="plan_answer"),
    path("estates/<int:pk>/cost/", studies.costs, name="costs"),
    path("estates/<int:pk>/cost/ask/", studies.ask, name="costs_ask"),
    path("estates/<int:pk>/cost/run/<uuid:run_pk>/", studies.waiting, name="costs_run"),
    path("estates/<int:pk>/cost/report.pdf", studies.report, name="costs_report"),
    path("estates/<int:pk>/cost/lines.<str:ending>", studies.lines, name="costs_lines"),
    path("estates/<int:pk>/cost/charts/<slug:kind>.json", studies.chart, name="costs_chart"),
    path("prices/", prices.prices, name="prices"),
    path("prices/public.csv", prices.public_csv, name="prices_public_csv"),
    path("prices/<int:pk>/", prices.book, name="price_book"),
    path("prices/<int:pk>/book.csv", prices.book_csv, name="price_book_csv"),
    path("estates/<int:pk>/charts/<slug:kind>.json", charts.chart, name="chart"),
    path("estates/<int:pk>/report.<str:ending>", reports.report, name="report"),
    path("hosts/<int:pk>/", hosts.host, name="host"),
    path("vms/<int:pk>/", vms.vm, name="vm"),
]
