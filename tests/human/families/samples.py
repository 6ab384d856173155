"""Clips that the tests of this folder share, and where their joints are."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hrg_pipeline.human.audit import joint_tracks
from hrg_pipeline.human.body import BODY_INDEX
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families import FAMILIES, make_clip

SEED = 2024
STATURES = (1.75, 1.5, 2.0)
HANDS = {"left": BODY_INDEX["L_Hand"], "right": BODY_INDEX["R_Hand"]}
OTHER = {"left": "right", "right": "left"}
every_family = pytest.mark.parametrize("family", FAMILIES)


@cache
def clips_of(family: str) -> tuple[Clip, ...]:
    """Two clips of each of three people."""
    return tuple(make_clip(family, k, SEED, stature) for stature in STATURES for k in range(2))


@cache
def tracks_of(family: str, index: int) -> np.ndarray:
    clip = clips_of(family)[index]
    return joint_tracks(clip, np.arange(len(clip.root_position)) / clip.rate_hz)


def played(family: str) -> list[tuple[Clip, np.ndarray]]:
    return [(clip, tracks_of(family, k)) for k, clip in enumerate(clips_of(family))]


def at(clip: Clip, *times: float) -> np.ndarray:
    return joint_tracks(clip, np.array(times))
