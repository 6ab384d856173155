"""The sets of robot and people in one decision, by the shield's own kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.reporting.decision import COMBINED, POS, SET_NAMES, VEL, Array, Plan, Sets
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.model import INTERVALS, ShieldModel
from hrg_pipeline.shield.reach import combined_ball
from hrg_pipeline.shield.sets import Node, bone_length, enclose, start_interval
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.verify import fill_edge, shortest_interval


class Proposal(NamedTuple):
    """A proposal in a copy of an environment's memory, all edges of its shortest intervals filled in."""

    model: ShieldModel
    state: ShieldState
    """Of one environment; scratch."""
    slot: int
    """Trajectory that it runs on."""
    time: float
    """Now [s]."""
    total: float
    """Time until standstill [s]."""
    leaf: int
    """Number of edges from the start of the shortest intervals to their end."""

    @property
    def records(self) -> tuple[Any, Any]:
        """What kernels take."""
        return self.model.record[0], self.state.rows[0]

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """First and last edge of the shortest intervals (K)."""
        return [(first, first + self.leaf) for first in range(0, INTERVALS, self.leaf)]

    @property
    def capsules(self) -> int:
        """How many capsules there are."""
        return int(self.state.n_capsules[0])

    def node(self, first: int, last: int) -> Node:
        """Begin to look at the interval between two edges."""
        model, row = self.records
        start_interval(row, first, last)
        for capsule in range(self.capsules):
            enclose(model, row, self.slot, capsule)
        return first, last, self.time, self.total * first / INTERVALS, self.total * last / INTERVALS

    def moves(self, first: int, last: int) -> bool:
        """Whether the robot moves between two edges."""
        s = self.state.path_edges[0]
        return bool(s[first] != s[last])


def lay_out(model: ShieldModel, state: ShieldState, slot: int, time: float, plan: Plan) -> Proposal:
    """Compute all edges of a plan's shortest intervals.

    Args:
        model: The shield's model.
        state: Memory of one environment with the plan as its proposal; scratch is overwritten.
        slot: Trajectory that it runs on.
        time: Now [s].
        plan: The same plan.
    """
    leaf = shortest_interval(plan.total)
    proposal = Proposal(model, state, slot, time, plan.total, leaf)
    state.edge_known[0] = 0
    for edge in range(0, INTERVALS + 1, leaf):
        fill_edge(*proposal.records, slot, edge, plan.total, float(state.ltt_duration[0, slot]))
    return proposal


def find_sets(proposal: Proposal) -> Sets:
    """Compute the sets of the shortest intervals, and which pairs are proven apart as the shield does it."""
    model, state = proposal.model, proposal.state
    leaves: list[_Leaf] = []

    def visit(first: int, last: int, undecided: NDArray[np.bool_]) -> Array:
        """Look at an interval and its halves; return how far each pair is proven apart in it (P, L, B)."""
        is_leaf = last - first == proposal.leaf
        by_set, combined = _clearances(proposal, first, last)
        if last - first == INTERVALS and not is_leaf:  # the first level knows speeds only
            by_set[COMBINED:] = -np.inf
        apart = by_set.max(axis=0) if proposal.moves(first, last) else np.full(by_set.shape[1:], np.inf)
        undecided = undecided & ~(apart > 0.0)
        if is_leaf:
            axes, around = state.axes[0, : proposal.capsules].copy(), state.around[0, : proposal.capsules].copy()
            leaves.append(_Leaf(axes, around, combined, by_set, undecided))
            return np.asarray(apart)
        middle = (first + last) // 2
        halves = visit(first, middle, undecided), visit(middle, last, undecided)
        return np.asarray(np.maximum(apart, np.minimum(*halves)))

    shape = (model.people, proposal.capsules, len(model.proximal))
    margin = visit(0, INTERVALS, np.ones(shape, dtype=np.bool_))
    times = proposal.total * np.arange(0, INTERVALS + 1, proposal.leaf) / INTERVALS
    return Sets(
        times=times,
        axes=np.array([leaf.axes for leaf in leaves]),
        radii=np.array([leaf.around for leaf in leaves]),
        human_pos=state.human_pos[0].copy(),
        vel_radii=np.array([_vel_radii(proposal, end) for end in times[1:]]),
        combined=np.array([leaf.combined for leaf in leaves]),
        by_set=np.stack([leaf.by_set for leaf in leaves], axis=1),
        open=np.array([leaf.undecided for leaf in leaves]),
        margin=margin,
    )


def distances(axes: Array, pos: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """Distances of segments (L, 2, 3) to those between joints ``first`` and ``second`` (B,) of ``pos``: (L, B) [m]."""
    squared = [
        [segment_distance_sq(axis[0], axis[1], pos[a], pos[b]) for a, b in zip(first, second, strict=True)]
        for axis in axes
    ]
    return np.asarray(np.sqrt(squared))


class _Leaf(NamedTuple):
    axes: Array
    around: Array
    combined: Array
    by_set: Array
    undecided: NDArray[np.bool_]


def _vel_radii(proposal: Proposal, end: float) -> Array:
    """Radii of the VEL sets around the bodies (P, B) [m]."""
    model = proposal.model
    elapsed = proposal.time - proposal.state.human_time[0] + model.delay + end
    return np.asarray(model.body_radius + model.body_error + model.body_v_max * elapsed[:, None])


def _clearances(proposal: Proposal, first: int, last: int) -> tuple[Array, Array]:
    """Distance of all pairs by ``SET_NAMES`` in an interval (3, P, L, B), and the balls (P, B, 2, 4) of COMBINED."""
    model, state = proposal.model, proposal.state
    node = proposal.node(first, last)
    axes, around = state.axes[0, : proposal.capsules], state.around[0, : proposal.capsules, None]
    bodies = len(model.proximal)
    found = np.full((len(SET_NAMES), model.people, proposal.capsules, bodies), -np.inf)
    combined = np.full((model.people, bodies, 2, 4), np.nan)
    vel_radii = _vel_radii(proposal, node[4])
    for person in range(model.people):
        pos, late = state.human_pos[0, person], proposal.time - float(state.human_time[0, person])
        begin, end = late + node[3], late + model.delay + node[4]
        found[VEL, person] = distances(axes, pos, model.proximal, model.distal) - around - vel_radii[person]
        if model.use_acceleration and state.human_seen[0, person] >= 2 and state.human_smooth[0, person] != 0:
            balls = _balls(proposal, person, begin, end)
            combined[person] = np.stack([balls[model.proximal], balls[model.distal]], axis=1)
            centres = np.ascontiguousarray(balls[:, :3])
            radii = model.body_radius + combined[person, :, :, 3].max(axis=1)
            found[COMBINED, person] = distances(axes, centres, model.proximal, model.distal) - around - radii
        on_limb = np.flatnonzero(model.root >= 0)
        root = model.root[on_limb]
        grown = model.measurement_error[root] + model.human_v_max[root] * end
        radii = model.body_radius[on_limb] + _limb_lengths(proposal, person, on_limb) + grown
        found[POS, person][:, on_limb] = distances(axes, pos, root, root) - around - radii
    return found, combined


def _balls(proposal: Proposal, person: int, begin: float, end: float) -> Array:
    """Balls of a person's joints by speeds and accelerations (J, 4) [m]."""
    model, state = proposal.model, proposal.state
    balls = np.zeros((len(model.human_v_max), 4))
    for joint, ball in enumerate(balls):
        error = float(state.human_vel_error[0, person, joint])
        known = (float(of[joint]) for of in (model.human_v_max, model.human_a_max, model.measurement_error))
        v_max, a_max, measurement_error = known
        bounds = v_max, a_max, measurement_error, error
        pos, vel = state.human_pos[0, person, joint], state.human_vel[0, person, joint]
        combined_ball(pos, vel, bounds, begin, end, ball)
    return balls


def _limb_lengths(proposal: Proposal, person: int, bodies: NDArray[np.int64]) -> Array:
    """How far bodies reach from the roots of their limbs (b,) [m]."""
    model, pos = proposal.model, proposal.state.human_pos[0, person]
    record = proposal.records[0]
    return np.array(
        [
            max(bone_length(record, pos, int(model.root[b]), int(end[b])) for end in (model.distal, model.proximal))
            for b in bodies
        ]
    )
