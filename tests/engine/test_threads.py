"""Threads share work, and stop together."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from hrg_pipeline.engine.threads import Crew


@pytest.mark.parametrize(("num_envs", "n_threads"), [(1, 1), (1, 8), (5, 2), (16, 3), (7, None)])
def test_every_environment_is_stepped_once(num_envs, n_threads):
    done = np.zeros(num_envs, dtype=np.int64)

    def work(members):
        done[members] += 1

    crew = Crew(num_envs, n_threads, work)
    for k in range(1, 6):
        crew.run()
        assert (done == k).all()
    assert crew.n_threads <= num_envs
    crew.close()


def test_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10.0)
    crew = Crew(2, 2, lambda members: both.wait() and None)
    crew.run()
    crew.close()


def test_an_error_stops_all_and_names_the_environments():
    done = []

    def work(members):
        if 3 in members:
            raise ValueError("broken")
        time.sleep(0.01)
        done.extend(members.tolist())

    crew = Crew(60, 2, work)
    with pytest.raises(ValueError, match="broken") as caught:
        crew.run()
    assert "while stepping environments [" in caught.value.__notes__[0] and "3" in caught.value.__notes__[0]
    assert len(done) < 57
    crew.close()


def test_an_interrupt_leaves_no_work_behind():
    running = []

    def work(members):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        running.append(1)
        time.sleep(0.02)
        running.pop()

    crew = Crew(40, 2, work)
    with pytest.raises(KeyboardInterrupt):
        crew.run()
    assert running == []
    crew.close()
