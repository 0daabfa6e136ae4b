"""The linear program of the patterns, solved by HiGHS.

One thread, no clock: the same question has the same answer.
`highspy` is imported when the first program is built.
"""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I64

UNMET_COST = 1e4  # hosts that one VM without a host is worth; far above any dual of a shape

DUAL, PRIMAL = 1, 4  # HiGHS's numbers of its two simplex methods


class PatternProgram:
    """min hosts, so that patterns cover the counts and no type of host is used more often than there are.

    Rows are the shapes, then the host types; the first columns are VMs left without a host, at a price
    that is paid only where nothing else is possible.  Columns are added as they are found and the next
    solve starts from the last basis.  `work` counts what the solves cost: simplex steps times
    rows, and a tenth of the columns, which each step looks through.
    """

    def __init__(self, counts: I64, hosts: I64) -> None:
        import highspy

        self._infinity = highspy.kHighsInf
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("random_seed", 1)
        self._highs.setOptionValue("presolve", "off")
        self.shapes, self.types = len(counts), len(hosts)
        nothing, none = np.zeros(0, np.int32), np.zeros(0)
        for count in counts:
            self._highs.addRow(float(count), self._infinity, 0, nothing, none)
        for limit in hosts:
            self._highs.addRow(-self._infinity, float(limit), 0, nothing, none)
        rows = np.arange(self.shapes, dtype=np.int64)
        self._add(np.full(self.shapes, UNMET_COST), rows, rows, np.ones(self.shapes))
        self.columns, self.work = 0, 0

    def _add(self, cost: F64, starts: I64, rows: I64, values: F64) -> None:
        """Append columns in compressed form, each between zero and infinity."""
        wide = len(cost)
        self._highs.addCols(
            wide,
            cost,
            np.zeros(wide),
            np.full(wide, self._infinity),
            len(rows),
            starts.astype(np.int32),
            rows.astype(np.int32),
            values.astype(np.float64),
        )

    def add(self, patterns: I64, kinds: I64) -> None:
        """Append patterns[row, shape] for hosts of type kinds[row]."""
        if not len(patterns):
            return
        wide = np.zeros((len(patterns), self.shapes + self.types))
        wide[:, : self.shapes] = patterns
        wide[np.arange(len(kinds)), self.shapes + kinds] = 1.0
        where, rows = np.nonzero(wide)
        starts = np.searchsorted(where, np.arange(len(patterns)))
        self._add(np.ones(len(patterns)), starts, rows, wide[where, rows])
        self._after(PRIMAL)
        self.columns += len(patterns)

    def set_counts(self, counts: I64, hosts: I64) -> None:
        """Ask for other counts and offer other hosts."""
        self._after(DUAL)
        for shape, count in enumerate(counts):
            self._highs.changeRowBounds(shape, float(count), self._infinity)
        for kind, limit in enumerate(hosts):
            self._highs.changeRowBounds(self.shapes + kind, -self._infinity, float(limit))

    def _after(self, change: int) -> None:
        """Choose the simplex that the last change leaves feasible: new columns primal, new counts dual."""
        self._highs.setOptionValue("simplex_strategy", change)

    def solve(self) -> tuple[float, F64, F64, F64]:
        """Solve the linear program.

        Returns:
            The optimal value, the amounts of the patterns, the price of each shape (not negative) and
            of each host type (not positive).
        """
        self._highs.run()
        solution = self._highs.getSolution()
        amounts = np.asarray(solution.col_value)[self.shapes :]
        prices = np.asarray(solution.row_dual)
        info = self._highs.getInfo()
        self.work += int(info.simplex_iteration_count) * (self.shapes + self.types + self.columns // 10)
        value = float(info.objective_function_value)
        return value, amounts, np.maximum(prices[: self.shapes], 0.0), np.minimum(prices[self.shapes :], 0.0)
