"""A contract of the import linter that may speak of modules that are not written yet."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.protected import ProtectedContract
from importlinter.domain.imports import ModuleExpression


class ProtectedWherePresent(ProtectedContract):
    """Only the allowed importers import the protected modules; names of absent modules wait for theirs."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        self.protected_modules = _present(self.protected_modules, graph)
        self.allowed_importers = _present(self.allowed_importers, graph)
        return super().check(graph, verbose)


def _present(expressions: list[ModuleExpression], graph: ImportGraph) -> list[ModuleExpression]:
    return [expression for expression in expressions if expression.expression in graph.modules]
