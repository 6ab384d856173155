"""A progress bar on a terminal, a quiet line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

_TERMINAL_REFRESH_S = 0.2
_PLAIN_REFRESH_S = 15.0


class Progress:
    """How far something is, with a few figures beside it.

    Args:
        label: What is going on.
        total: Units of work.
        unit: Name of one unit.
        stream: Where to write; standard error when None.
        enabled: False writes nothing.
        refresh_s: Least time between two updates [s]; by default 0.2 on a terminal, 15 elsewhere.
        start: Units done before; they do not count for the rate.
    """

    def __init__(
        self,
        label: str,
        total: int,
        unit: str,
        *,
        stream: TextIO | None = None,
        enabled: bool = True,
        refresh_s: float | None = None,
        start: int = 0,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._label, self._total, self._unit, self._start = label, total, unit, start
        self._enabled = enabled
        terminal = self._stream.isatty()
        self._bar = (
            tqdm(
                total=total,
                desc=label,
                unit=unit,
                unit_scale=True,
                dynamic_ncols=True,
                file=self._stream,
                initial=start,
            )
            if enabled and terminal
            else None
        )
        self._refresh_s = (_TERMINAL_REFRESH_S if terminal else _PLAIN_REFRESH_S) if refresh_s is None else refresh_s
        self._started = self._shown_at = time.perf_counter()
        self._last: tuple[int, Mapping[str, str]] = (start, {})
        self._shown: int | None = None

    def due(self) -> bool:
        """Whether an update now would be shown; lets callers compute their figures only then."""
        return self._enabled and time.perf_counter() - self._shown_at >= self._refresh_s

    def update(self, done: int, figures: Mapping[str, str]) -> None:
        """Say how far it is; shown when the last showing is long enough ago.

        Args:
            done: Units of work done so far.
            figures: What to show beside it, by name.
        """
        self._last = (done, figures)
        if self.due():
            self._show()

    def close(self) -> None:
        """Show the last state and end the bar."""
        if not self._enabled:
            return
        if self._last[0] != self._shown:
            self._show()
        if self._bar is not None:
            self._bar.close()

    def _show(self) -> None:
        done, figures = self._last
        self._shown, self._shown_at = done, time.perf_counter()
        if self._bar is not None:
            self._bar.set_postfix(figures, refresh=False)
            self._bar.n = min(done, self._total)
            self._bar.refresh()
            return
        rate = (done - self._start) / max(self._shown_at - self._started, 1e-9)
        parts = [f"{self._label}: {done:,}/{self._total:,} {self._unit}s", f"{rate:,.1f} {self._unit}s/s"]
        parts += [f"{name} {value}" for name, value in figures.items()]
        self._stream.write(", ".join(parts) + "\n")
        self._stream.flush()
