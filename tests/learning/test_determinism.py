from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from hrg_pipeline.learning.determinism import contained_randomness


def draws():
    return random.random(), np.random.random(), torch.rand(1).item()


def test_global_random_states_and_thread_count_come_back_even_after_an_error():
    threads = torch.get_num_threads()
    with contained_randomness():
        expected = draws()
    with pytest.raises(RuntimeError, match="inside"), contained_randomness():
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        assert torch.get_num_threads() == 1
        raise RuntimeError("inside")
    assert torch.get_num_threads() == threads
    with contained_randomness():
        assert draws() == expected
