"""What was measured against what was wanted, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """what: is measured; limit: the most that is wanted, or with `at_least` the least; unit: of both, "" for ratios; why: the reason, said
    when it is missed.
    """

    what: str
    measured: float
    limit: float
    unit: str = ""
    at_least: bool = False
    why: str = ""

    @property
    def reached(self) -> bool:
        """Is it as good as wanted?"""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """ "reached", or "missed" and why."""
        return "reached" if self.reached else ": ".join(filter(None, ["missed", self.why]))


def table(goals: Sequence[Goal]) -> str:
    """A line each."""
    lines = ["| goal | measured | wanted | |", "|---|---|---|---|"]
    for goal in goals:
        unit = f" {goal.unit}" if goal.unit else ""
        # Never rounded to the other side of the limit.
        measured = f"{goal.measured:.2f}" if goal.unit == "" else f"{goal.measured:.1f}"
        sign = "at least" if goal.at_least else "at most"
        lines.append(f"| {goal.what} | {measured}{unit} | {sign} {goal.limit:g}{unit} | {goal.verdict} |")
    return "\n".join(lines)
