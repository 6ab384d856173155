"""The data of the static check: obstacles, which pairs are watched, and what is remembered per environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ModelError


class Obstacle(NamedTuple):
    """An oriented box in the world; a floor or a wall is a thick one, a cylinder its enclosing box."""

    name: str
    pos: NDArray[np.float64]
    """Centre (3,) [m]."""
    rot: NDArray[np.float64]
    """Its axes in the world, as columns (3, 3)."""
    half: NDArray[np.float64]
    """Half sizes (3,) [m]."""


class StaticPairs(NamedTuple):
    """Everything static, and what of the robot keeps clear of what: O boxes, L capsules, the last one a held object."""

    obstacles: tuple[Obstacle, ...]
    """O boxes that something can touch."""
    applies: NDArray[np.bool_]
    """Whether a capsule can touch a box, but does not always (O, L)."""
    self_pairs: NDArray[np.int64]
    """The same for pairs of capsules (S, 2)."""
    self_slack: NDArray[np.float64]
    """By how much the capsules of a pair may overlap and the links in them are still apart (S,) [m]."""


def static_fields(
    obstacles: Sequence[Obstacle],
    applies: NDArray[np.bool_],
    self_pairs: NDArray[np.int64],
    margin: float,
    self_slack: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[Any]]:
    """Constants of the static check for the record of the shield's model.

    Args:
        obstacles: O boxes, may be none.
        applies: Which box is watched for which of L capsules (O, L).
        self_pairs: Pairs of the robot's capsules that are watched (S, 2), may be none.
        self_slack: By how much the capsules of each pair may overlap and what they enclose is still apart (S,) [m];
            default 0.
        margin: What is kept between real radii and everything else, tracking error included [m].

    Returns:
        ``box_pos`` (O, 3), ``box_rot`` (O, 3, 3), ``box_half`` (O, 3), ``box_applies`` (O, L), ``self_pairs`` (S, 2),
        ``self_slack`` (S,), ``n_boxes``, ``n_self`` and ``static_margin``. A record has no empty fields: where there is
        nothing, one entry stands that no count includes.

    Raises:
        ModelError: An array has the wrong shape, or an index or number that cannot be.
    """
    applies, self_pairs = np.asarray(applies, dtype=bool), np.asarray(self_pairs, dtype=np.int64).reshape(-1, 2)
    if applies.ndim != 2 or len(applies) != len(obstacles) or applies.shape[1] == 0:
        raise ModelError(f"applies has shape {applies.shape}, expected ({len(obstacles)}, capsules)")
    capsules = applies.shape[1]
    if self_pairs.size and (self_pairs.min() < 0 or self_pairs.max() >= capsules):
        raise ModelError(f"self_pairs must hold capsule indices from 0 to {capsules - 1}")
    if (self_pairs[:, 0] == self_pairs[:, 1]).any():
        raise ModelError("self_pairs holds a capsule paired with itself")
    slack = np.zeros(len(self_pairs)) if self_slack is None else np.array(self_slack, dtype=np.float64)
    if slack.shape != (len(self_pairs),) or not (np.isfinite(slack).all() and (slack >= 0.0).all()):
        raise ModelError(f"self_slack must hold {len(self_pairs)} finite lengths that are not negative")
    if not (np.isfinite(margin) and margin >= 0.0):
        raise ModelError(f"the static margin is {margin}, expected a distance in metres")
    for box in obstacles:
        _check(box)
    count = max(len(obstacles), 1)
    pos, rot, half = np.zeros((count, 3)), np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3))
    padded = np.zeros((count, capsules), dtype=np.int64)
    for o, box in enumerate(obstacles):
        pos[o], rot[o], half[o], padded[o] = box.pos, box.rot, box.half, applies[o]
    return {
        "n_boxes": np.array(len(obstacles)),
        "n_self": np.array(len(self_pairs)),
        "box_pos": pos,
        "box_rot": rot,
        "box_half": half,
        "box_applies": padded,
        "self_pairs": self_pairs if len(self_pairs) else np.zeros((1, 2), dtype=np.int64),
        "self_slack": slack if len(slack) else np.zeros(1),
        "static_margin": np.array(float(margin)),
    }


def static_scratch(fields: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Fields of a row that the static check needs, with their values at the start.

    Args:
        fields: From ``static_fields``; L capsules and P = O L + S pairs.

    Returns:
        ``static_ref`` (L, 2, 3), ``static_clear`` (L,), ``static_radius`` (L,) and ``static_count``: how clear each
        capsule was, and where, when it was looked at. ``static_near`` (P,), ``static_list`` (P,) and ``static_listed``:
        flags, codes and number of the pairs that were near then. ``static_inside``: 1 if a pair was too close already
        where the last plan began. Scratch: ``static_active`` (L,), ``static_shift`` (L,), ``static_pairs`` (P,),
        ``static_start`` (P,), ``static_normal`` (P, 3), ``static_axes`` (2, 2, 2, 3).
    """
    capsules = fields["box_applies"].shape[1]
    pairs = fields["box_applies"].size + len(fields["self_pairs"])
    return {
        "static_ref": np.zeros((capsules, 2, 3)),
        "static_clear": np.full(capsules, -np.inf),
        "static_radius": np.zeros(capsules),
        "static_count": np.array(-1),
        "static_near": np.zeros(pairs, dtype=np.int64),
        "static_list": np.zeros(pairs, dtype=np.int64),
        "static_listed": np.array(0),
        "static_inside": np.array(0),
        "static_active": np.zeros(capsules, dtype=np.int64),
        "static_shift": np.zeros(capsules),
        "static_pairs": np.zeros(pairs, dtype=np.int64),
        "static_start": np.zeros(pairs),
        "static_normal": np.zeros((pairs, 3)),
        "static_axes": np.zeros((2, 2, 2, 3)),
    }


def _check(box: Obstacle) -> None:
    pos, rot, half = (np.asarray(value, dtype=np.float64) for value in box[1:])
    if (pos.shape, rot.shape, half.shape) != ((3,), (3, 3), (3,)):
        raise ModelError(f"obstacle '{box.name}' has shapes {pos.shape}, {rot.shape}, {half.shape}")
    if not (np.isfinite(pos).all() and np.isfinite(half).all() and (half >= 0.0).all()):
        raise ModelError(f"obstacle '{box.name}' needs a finite place and finite half sizes that are not negative")
    if not np.abs(rot @ rot.T - np.eye(3)).max() < 1e-9:
        raise ModelError(f"the rotation of obstacle '{box.name}' is none")
