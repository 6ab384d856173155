"""PickPlaceCloseHuman: PickPlaceHuman next to a person who picks and places things on the robot's side of the table."""

from __future__ import annotations

from typing import Literal

from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.tasks.pick_place_human import CubeParams, PickPlaceHuman


class PickPlaceCloseHumanParams(CubeParams):
    """Places, rewards and scene of PickPlaceCloseHuman."""

    env_id: Literal["PickPlaceCloseHuman"] = "PickPlaceCloseHuman"
    human: HumanParams = HumanParams(motion=MotionParams(families=("pick_place",)))


class PickPlaceCloseHuman(PickPlaceHuman):
    """Pick up a cube and bring it to a target next to a person who works close to the robot.

    Scene, observations, action, rewards and success are those of PickPlaceHuman; the person plays the motion family
    `pick_place`, and stands still when its clip is over.

    Version history: v0, first release.
    """
