"""A version becomes champion when its intervals say that it is better, and no less safe."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.reporting.statistics import wilson_rate
from hrg_pipeline.tracking.promotion import difference, judge


def metrics(success: float, n: int = 100, collisions: float = 0.0, returns: float = -5.0) -> dict[str, float]:
    found = {"n_episodes": float(n)}
    for name, rate in (("success_rate", success), ("collision_rate", collisions)):
        _, low, high = wilson_rate(round(rate * n), n)
        found |= {name: rate, f"{name}_low": low, f"{name}_high": high}
    return found | {"return": returns, "return_low": returns - 1, "return_high": returns + 1}


def test_the_interval_of_a_difference_is_newcombes() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table II: 56/70 against 48/80, method 10.
    found = difference("success_rate", metrics(56 / 70, 70), metrics(48 / 80, 80))
    assert found is not None
    np.testing.assert_allclose((found.low, found.high), (0.0524, 0.3339), atol=1e-4)


@pytest.mark.parametrize(
    ("candidate", "champion", "better", "words"),
    [
        ({}, None, False, "it was not evaluated"),
        (metrics(0.1), None, True, "there is no champion yet"),
        (metrics(0.1), {}, True, "was not evaluated"),
        (metrics(0.9), metrics(0.5), True, "it is better: success_rate"),
        (metrics(0.5), metrics(0.9), False, "it is worse: success_rate"),
        (metrics(0.52), metrics(0.5), False, "intervals do not tell"),
        (metrics(0.5, returns=0.0), metrics(0.5), True, "it is better: return"),
        (metrics(0.9, collisions=0.3), metrics(0.5), False, "it is less safe: collision_rate"),
        ({"success_rate": 0.9}, metrics(0.5), False, "success_rate cannot be compared"),
    ],
)
def test_the_verdict(candidate: dict[str, float], champion: dict[str, float] | None, better: bool, words: str) -> None:
    verdict = judge(candidate, champion)
    assert verdict.better is better
    assert words in verdict.reason


def test_more_episodes_tell_what_few_cannot() -> None:
    assert not judge(metrics(0.8, 20), metrics(0.6, 20)).better
    assert judge(metrics(0.8, 500), metrics(0.6, 500)).better


def test_different_environments_are_not_compared_and_other_seeds_are_noted() -> None:
    other = judge(metrics(0.9), metrics(0.5), {"environment.env_id": ("A", "B")})
    assert not other.better and "different environments" in other.reason
    seeds = judge(metrics(0.9), metrics(0.5), {"run.eval_seed": ("1", "2"), "robot.name": ("x", "x")})
    assert seeds.better and seeds.notes == ("run.eval_seed differs: 1 against 2",)
