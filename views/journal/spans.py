"""Which part of a long list is built: a few runs of rows, and the space of those above them that are not. Pure."""

from dataclasses import dataclass, replace

ROWS = 12
"""Rows in a run, which comes and goes as one."""
RUNS_MAX = 8
NEAR = 600
"""How many logical pixels before the edge of what is built the next run is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Runs `first` to `last` (not included) of a list are built. `heights`: of the runs above, in logical pixels."""

    first: int = 0
    last: int = 1
    heights: tuple[float, ...] = ()

    @property
    def space(self) -> float:
        """How tall what is left out above is."""
        return sum(self.heights[: self.first])

    def measured(self, run: int, height: float) -> "Span":
        """Return the span that knows how tall a run is. Runs are measured from above, as they are built."""
        if height <= 0 or run > len(self.heights):
            return self
        return replace(self, heights=(*self.heights[:run], height, *self.heights[run + 1 :]))

    def down(self, runs: int) -> "Span":
        """Return the span with one more run below, of `runs` in all; a measured one above may go for it."""
        if self.last >= runs:
            return self
        first = self.first
        if self.last + 1 - first > RUNS_MAX and first < len(self.heights):
            first += 1
        return replace(self, first=first, last=self.last + 1)

    def up(self) -> "Span":
        """Return the span with one more run above; the lowest goes for it."""
        if not self.first:
            return self
        return replace(self, first=self.first - 1, last=max(self.first, min(self.last, self.first - 1 + RUNS_MAX)))

    def scrolled(self, pixels: float, to_end: float, above: float, runs: int) -> "Span":
        """Return the span for a place `pixels` from the top and `to_end` from the end.

        `above` is the height of what stands over the list. While the newest run is not laid out yet, `to_end` is not
        what it will be, so nothing changes.
        """
        if len(self.heights) < self.last:
            return self
        if to_end < NEAR:
            return self.down(runs)
        return self.up() if pixels < above + self.space + NEAR else self
