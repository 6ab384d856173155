from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams


@pytest.fixture
def make_engine() -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(
        shield: str = "SSM",
        num_envs: int = 1,
        n_threads: int | None = 1,
        seed: int = 0,
        gives_way: bool = False,
        use_acceleration_bounds: bool = True,
        **human: Any,
    ) -> Engine:
        engine = Engine(
            "panda",
            HumanParams(gives_way=gives_way, motion=MotionParams(n_clips=4), **human),
            ShieldParams(type=shield, use_acceleration_bounds=use_acceleration_bounds),
            num_envs=num_envs,
            n_threads=n_threads,
            seed=seed,
            horizon_s=10.0,
            safe_vel=0.01,
            debounce_s=0.01,
        )
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()
