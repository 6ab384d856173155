"""Ornstein-Uhlenbeck noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class OrnsteinUhlenbeck:
    """dy = -rate y dt + std sqrt(2 rate) dW, stepped exactly; begins at 0.

    Args:
        size: numbers that are drawn together.
        rate: how fast it forgets [1/s].
        std: stationary standard deviation.
        dt: time between two draws [s].
        rng: where the draws come from.
    """

    def __init__(self, size: int, rate: float, std: float, dt: float, rng: np.random.Generator) -> None:
        self._keep = float(np.exp(-rate * dt))
        self._spread = std * float(np.sqrt(1.0 - self._keep**2))
        self._rng = rng
        self._value = np.zeros(size)

    def draw(self) -> Array:
        """Go on by one time step (size,)."""
        self._value = self._keep * self._value + self._spread * self._rng.standard_normal(len(self._value))
        return self._value.copy()
