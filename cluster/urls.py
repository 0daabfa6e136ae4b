"""The addresses of the pages.  A thing that may bear any name is found by its number or in the query."""

from __future__ import annotations

from django.urls import include, path, register_converter

from cluster import api
from cluster.models import Study
from cluster.views import (
    account,
    audit,
    charts,
    clusters,
    connections,
    costing,
    estates,
    events,
    formulas,
    hosts,
    imports,
    operations,
    overview,
    people,
    plans,
    prices,
    rehearsals,
    reports,
    runs,
    search,
    studies,
    tree,
    vms,
    wiring,
    wishes,
)


class StudyConverter:
    """The kinds of studies in an address."""

    regex = "|".join(Study.Kind.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(StudyConverter, "study")

urlpatterns = [
    path("", include(api.urlpatterns)),
    path("", overview.overview, name="overview"),
    path("import/", imports.import_estate, name="import"),
    path("import/demo/", imports.import_demo, name="import_demo"),
    path("runs/", runs.runs, name="runs"),
    path("runs/working/", runs.working, name="runs_working"),
    path("runs/<uuid:pk>/", runs.run, name="run"),
    path("runs/<uuid:pk>/cancel/", runs.cancel, name="run_cancel"),
    path("rehearsals/", rehearsals.rehearsals, name="rehearsals"),
    path("rehearsals/examples/<slug:name>/", rehearsals.example, name="rehearse_example"),
    path("rehearsals/<uuid:pk>/", rehearsals.rehearsal, name="rehearsal"),
    path("rehearsals/<uuid:pk>/script/", rehearsals.again, name="rehearse_again"),
    path("rehearsals/<uuid:pk>/log.<str:ending>", rehearsals.log, name="rehearsal_log"),
    path("estates/<int:pk>/rehearse/", rehearsals.cluster, name="rehearse"),
    path("estates/<int:pk>/drill/", rehearsals.drill, name="drill"),
    path("search/", search.search, name="search"),
    path("formulas/", formulas.formulas, name="formulas"),
    path("formulas/<slug:page>/", formulas.formula, name="formula"),
    path("events/", events.events, name="events"),
    path("audit/", audit.entries, name="audit"),
    path("audit/verify/", audit.verify, name="audit_verify"),
    path("audit/audit.ndjson", audit.take, name="audit_take"),
    path("people/", people.everybody, name="people"),
    path("people/add/", people.add, name="people_add"),
    path("people/<int:pk>/", people.change, name="people_change"),
    path("people/<int:pk>/password/", people.renew_password, name="people_password"),
    path("people/<int:pk>/scopes/", people.add_scope, name="scope_add"),
    path("people/<int:pk>/scopes/<int:scope_pk>/remove/", people.remove_scope, name="scope_remove"),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.add_token, name="tokens_add"),
    path("account/tokens/<int:pk>/remove/", account.remove_token, name="token_remove"),
    path("account/sessions/<int:pk>/end/", account.end_session, name="session_end"),
    path("wishes/", wishes.requests, name="wishes"),
    path("wishes/ask/", wishes.ask, name="wish_ask"),
    path("wishes/<int:pk>/answer/", wishes.answer, name="wish_answer"),
    path("wishes/<int:pk>/withdraw/", wishes.withdraw, name="wish_withdraw"),
    path("password/", people.OwnPassword.as_view(), name="own_password"),
    path("connections/", connections.connections, name="connections"),
    path("connections/add/", connections.add, name="connection_add"),
    path("connections/<int:pk>/", connections.change, name="connection_change"),
    path("connections/<int:pk>/refresh/", connections.refresh, name="connection_refresh"),
    path("connections/<int:pk>/remove/", connections.remove, name="connection_remove"),
    path("operations/", operations.operations, name="operations"),
    path("operations/propose/", operations.propose, name="operation_propose"),
    path("operations/<uuid:pk>/approve/", operations.approve, name="operation_approve"),
    path("operations/<uuid:pk>/cancel/", operations.cancel, name="operation_cancel"),
    path("operations/line/<int:pk>/", operations.line, name="operation_line"),
    path("tree/estates/<int:pk>/", tree.clusters, name="tree_estate"),
    path("tree/estates/<int:pk>/cluster/", tree.hosts, name="tree_cluster"),
    path("estates/<int:pk>/", estates.summary, name="estate"),
    path("estates/<int:pk>/quality/", estates.quality, name="estate_quality"),
    path("estates/<int:pk>/hosts/", hosts.hosts, name="estate_hosts"),
    path("estates/<int:pk>/vms/", vms.vms, name="estate_vms"),
    path("estates/<int:pk>/vms.csv", vms.vms_csv, name="estate_vms_csv"),
    path("estates/<int:pk>/datastores/", estates.datastores, name="estate_datastores"),
    path("estates/<int:pk>/history/", connections.history, name="estate_history"),
    path("estates/<int:pk>/events/", estates.events, name="estate_events"),
    path("estates/<int:pk>/wiring/", wiring.findings, name="wiring"),
    path("estates/<int:pk>/wiring/topology/", wiring.topology, name="topology"),
    path("estates/<int:pk>/wiring/availability/", wiring.availability, name="availability"),
    path("estates/<int:pk>/wiring/topology.json", wiring.topology_json, name="topology_json"),
    path("estates/<int:pk>/wiring/blast.json", wiring.blast_json, name="blast_json"),
    path("estates/<int:pk>/wiring/examine/", wiring.examine, name="wiring_examine"),
    path("estates/<int:pk>/wiring/design/", wiring.design, name="wiring_design"),
    path("estates/<int:pk>/cluster/", clusters.cluster, name="cluster"),
    path("estates/<int:pk>/plan/", plans.ask, name="plan"),
    path("estates/<int:pk>/plan/<uuid:run_pk>/", plans.answer, name="plan_answer"),
    path("estates/<int:pk>/cluster/<study:kind>/", studies.study, name="study"),
    path("estates/<int:pk>/cluster/<study:kind>/ask/", studies.ask, name="study_ask"),
    path("estates/<int:pk>/study/<uuid:run_pk>/", studies.answer, name="study_answer"),
    path("estates/<int:pk>/cost/", costing.costs, name="costs"),
    path("estates/<int:pk>/cost/ask/", costing.ask, name="costs_ask"),
    path("estates/<int:pk>/cost/run/<uuid:run_pk>/", costing.waiting, name="costs_run"),
    path("estates/<int:pk>/cost/report.pdf", costing.report, name="costs_report"),
    path("estates/<int:pk>/cost/lines.<str:ending>", costing.lines, name="costs_lines"),
    path("estates/<int:pk>/cost/charts/<slug:kind>.json", costing.chart, name="costs_chart"),
    path("prices/", prices.prices, name="prices"),
    path("prices/public.csv", prices.public_csv, name="prices_public_csv"),
    path("prices/<int:pk>/", prices.book, name="price_book"),
    path("prices/<int:pk>/book.csv", prices.book_csv, name="price_book_csv"),
    path("estates/<int:pk>/charts/<slug:kind>.json", charts.chart, name="chart"),
    path("estates/<int:pk>/report.<str:ending>", reports.report, name="report"),
    path("hosts/<int:pk>/", hosts.host, name="host"),
    path("vms/<int:pk>/", vms.vm, name="vm"),
]
