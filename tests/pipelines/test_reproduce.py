"""Where two trainings first differ, and what is said about it."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.pipelines.reproduce.comparison import (
    compare_buffers,
    compare_curves,
    compare_episodes,
    compare_weights,
)
from hrg_pipeline.pipelines.reproduce.nodes import require_equal


def buffer(full=False, pos=0):
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal((4, 2, 3)) for name in ("obs", "next_obs", "actions")}
    columns |= {name: rng.standard_normal((4, 2)) for name in ("rewards", "dones", "timeouts")}
    return columns | {"pos": np.array(pos), "full": np.array(full), "buffer_size": np.array(4)}


def test_equal_data_is_equal_and_nan_equals_itself():
    one = buffer()
    one["rewards"][0, 0] = np.nan
    assert compare_buffers(one, copy.deepcopy(one)) is None
    assert compare_buffers({}, {}) is None


def test_the_first_transition_in_time_is_named():
    one, other = buffer(full=True, pos=2), buffer(full=True, pos=2)
    other["rewards"][1, 0] += 1.0
    other["rewards"][3, 1] += 1.0
    # Slot 2 is the oldest, so slot 3 comes before slot 1.
    assert compare_buffers(one, other).startswith("transition 1 of environment 1, counted from the oldest: rewards")


def test_a_single_bit_counts():
    one, other = buffer(), buffer()
    other["obs"][2, 1, 0] = np.nextafter(other["obs"][2, 1, 0], 9.0)
    assert "transition 2 of environment 1" in compare_buffers(one, other)
    weights = {"a": torch.zeros(2), "b": torch.ones(2)}
    changed = {"a": torch.zeros(2), "b": torch.tensor([1.0, 1.5])}
    assert compare_weights(weights, dict(weights)) is None
    assert compare_weights(weights, changed) == "parameters b differ by up to 0.5"


def test_the_first_row_of_a_curve_is_named_and_the_clock_does_not_count():
    one = pd.DataFrame({"step": [10, 20], "rollout/r": [np.nan, 2.0], "time/fps": [1.0, 2.0]})
    other = one.assign(**{"time/fps": [3.0, 4.0]})
    assert compare_curves(one, other) is None
    assert "step 20: rollout/r is" in compare_curves(one, other.assign(**{"rollout/r": [np.nan, 3.0]}))
    assert "2 and 1 rows" in compare_curves(one, other.iloc[:1])


def test_the_first_episode_is_named():
    one = pd.DataFrame({"episode": [0, 1], "seed": [5, 6], "success": [True, False]})
    assert compare_episodes(one, one.copy()) is None
    assert "episode 1: success" in compare_episodes(one, one.assign(success=[True, True]))


def test_a_difference_is_an_error_that_says_what_changed():
    report = {"run_key": "a", "equal": True, "differences": {"curve": None}, "changed": {}}
    require_equal(report)
    report |= {"equal": False, "differences": {"curve": "step 20"}, "changed": {"lock_sha256": {}}}
    with pytest.raises(IntegrityError, match=r"a came out different: step 20.*lock_sha256"):
        require_equal(report)
