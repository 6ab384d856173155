"""Families of human motion: for every task a seeded generator of clips that keep the shield's bounds.

``make_clip("pointing", 3, seed=7)`` is always the same motion, to the byte.
"""

from hrg_pipeline.human.families.catalogue import FAMILIES, Family
from hrg_pipeline.human.families.making import make_clip, make_clips

__all__ = ["FAMILIES", "Family", "make_clip", "make_clips"]
