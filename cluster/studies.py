"""What a worker does for a study: ask the planner, keep the answer.

The planner's own types are kept as JSON, and become them again in `cluster.selectors`.  Restarts are
large: each lost unit is a part of its own, read when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from django.db import transaction

from cluster.models import Study, StudyPart
from cluster.question import Question
from cluster.work import LEASE_S, Work, as_json
from planner.estate import Estate
from planner.kernels.cache import is_complete
from planner.parameters import Parameters
from planner.placing import place_estate
from planner.resilience.answers import PlacementAnswer
from planner.resilience.balance import Balance, BalancePolicy, balance
from planner.resilience.failures import Failures, failures
from planner.resilience.ground import Ground, grounds
from planner.resilience.power import PowerSaving, save_power
from planner.resilience.verbs import judge
from planner.sentence import Sentence
from planner.variant import settled

COMPILING_S: Final = 120  # kernels that are not compiled yet, on a busy machine
ASKED_VMS_PER_S: Final = 200  # far below what the planner does: the lease must outlast the answer
Part = msgspec.Struct
Answer = Failures | Balance | PowerSaving | PlacementAnswer


def study(work: Work, estate: Estate) -> Study:
    """Answer the question of a run and end it."""
    question = msgspec.convert(work.run.parameters, Question)
    work.advance(
        "study",
        20,
        _asking(question),
        lease_s=LEASE_S + len(estate.vms) / ASKED_VMS_PER_S + (0 if is_complete() else COMPILING_S),
    )
    answer, parts = answer_of(question, estate)
    work.advance("study", 90, Sentence("Storing the answer"))
    return _store(work, question, answer, parts)


def answer_of(question: Question, estate: Estate) -> tuple[Answer, Sequence[Part]]:
    """Ask the planner."""
    match question.kind:
        case "failures":
            return _failures(question, estate)
        case "balance":
            return _balance(question, estate), ()
        case "placement":
            return _placement(question, estate), ()


def _failures(question: Question, estate: Estate) -> tuple[Failures, Sequence[Part]]:
    ground = _ground(question, settled(estate), cold=True)
    found = failures(ground, question.by, double=question.double)
    bare = tuple(msgspec.structs.replace(loss, restarts=()) for loss in found.singles)
    return msgspec.structs.replace(found, singles=bare), found.singles


def _balance(question: Question, estate: Estate) -> Balance | PowerSaving:
    ground = _ground(question, estate)
    found: Balance | PowerSaving
    if question.power_saving:
        found = save_power(ground, failures=question.failures, max_moves=question.max_moves)
    else:
        policy = BalancePolicy(
            failures=question.failures,
            max_moves=question.max_moves,
            min_gain=question.min_gain,
            continuous=question.continuous,
            held=question.held,
        )
        found = balance(ground, policy)
    judge(ground, found.placed)
    return msgspec.structs.replace(found, placed={})


def _placement(question: Question, estate: Estate) -> PlacementAnswer:
    parameters = Parameters(
        cluster=question.cluster, failures=question.failures, vcpu_per_core=question.vcpu_per_core
    )
    return PlacementAnswer.of(place_estate(estate, parameters, question.by))


def _ground(question: Question, estate: Estate, *, cold: bool = False) -> Ground:
    return grounds(estate, vcpu_per_core=question.vcpu_per_core, cluster=question.cluster, cold=cold)[0]


def _store(work: Work, question: Question, answer: Answer, parts: Sequence[Part]) -> Study:
    estate = work.estate()
    with transaction.atomic():
        stored, is_new = Study.objects.update_or_create(
            run=work.run,
            defaults={
                "estate": estate,
                "estate_revision": estate.revision,
                "kind": question.kind,
                "cluster_name": question.cluster,
                "question": as_json(question),
                "answer": as_json(answer),
            },
        )
        if not is_new:
            stored.parts.all().delete()
        StudyPart.objects.bulk_create(
            [
                StudyPart(study=stored, position=position, answer=as_json(part))
                for position, part in enumerate(parts)
            ],
            batch_size=200,
        )
        work.succeed(_answered(answer))
    return stored


def _asking(question: Question) -> Sentence:
    cluster = {"cluster": question.cluster}
    match question.kind:
        case "failures":
            return Sentence("Losing every host of {cluster}, one by one and in pairs", cluster)
        case "balance":
            return Sentence("Weighing the moves of {cluster}", cluster)
        case "placement":
            return Sentence("Placing {cluster} anew", cluster)


def _answered(answer: Answer) -> Sentence:
    match answer:
        case Failures():
            counts = {"survived": answer.survived, "tried": len(answer.singles)}
            return Sentence("{survived} of {tried} single losses are survived", counts)
        case Balance():
            return Sentence("{count} moves are recommended", {"count": len(answer.moves)})
        case PowerSaving():
            return Sentence("{count} hosts can sleep", {"count": len(answer.sleepers)})
        case PlacementAnswer():
            counts = {"used": answer.hosts_used, "bound": answer.lower_bound}
            return Sentence("{used} hosts carry everybody; fewer than {bound} never do", counts)
