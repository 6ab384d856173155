"""The expert of PickPlaceCloseHuman: that of PickPlaceHuman."""

from __future__ import annotations

from typing import Literal

from hrg_pipeline.experts.pick_place_human import PickPlaceHumanExpert, PickPlaceParams


class PickPlaceCloseHumanExpertParams(PickPlaceParams):
    """The expert of PickPlaceCloseHuman."""

    name: Literal["PickPlaceCloseHuman"] = "PickPlaceCloseHuman"


class PickPlaceCloseHumanExpert(PickPlaceHumanExpert):
    """Hover, open, go down, grip, carry, let go."""
