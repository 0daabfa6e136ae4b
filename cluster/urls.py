"""The addresses of the pages.  A thing that may bear any name is found by its number or in the query."""

from __future__ import annotations

from django.urls import include, path

from cluster import api
from cluster.views import (
    audit,
    charts,
    clusters,
    estates,
    events,
    hosts,
    imports,
    overview,
    people,
    plans,
    reports,
    runs,
    search,
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
    path("audit/", audit.entries, name="audit"),
    path("audit/verify/", audit.verify, name="audit_verify"),
    path("audit/audit.ndjson", audit.take, name="audit_take"),
    path("people/", people.everybody, name="people"),
    path("people/add/", people.add, name="people_add"),
    path("people/<int:pk>/", people.change, name="people_change"),
    path("people/<int:pk>/password/", people.renew_password, name="people_password"),
    path("password/", people.OwnPassword.as_view(), name="own_password"),
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
    path("estates/<int:pk>/charts/<slug:kind>.json", charts.chart, name="chart"),
    path("estates/<int:pk>/report.<str:ending>", reports.report, name="report"),
    path("hosts/<int:pk>/", hosts.host, name="host"),
    path("vms/<int:pk>/", vms.vm, name="vm"),
]
