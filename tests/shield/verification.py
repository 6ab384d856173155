"""The proof of a plan once more, slow and obvious: every definition as it reads, over all pairs, in plain numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hrg_pipeline.robots.dynamics import LinkInertias
from hrg_pipeline.shield.contact_limits import CONTACT_TYPES, energy_limits, speed_limits
from hrg_pipeline.shield.model import HUMAN, PFL, SAFE, HumanBodies, RobotGeometry, ShieldModel
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.state import ShieldState
from tests.shield import reference
from tests.shield.exact import (
    Held,
    box_distances,
    capsule_axes,
    capsule_speeds,
    curvatures,
    kinetic_energy,
    local_ends,
    segment_distances,
    trajectory_at,
)

EDGES = 16
LONGEST_S = 0.02
MARGIN_M = 1e-3
SPEED_SLACK = 1e-9
FREE, CLAMPED = 0, 1


class World(NamedTuple):
    """What a model was made from."""

    geometry: RobotGeometry
    bodies: HumanBodies
    params: ShieldParams
    inertias: LinkInertias | None
    boxes: tuple
    model: ShieldModel


class Proposal(NamedTuple):
    """A stop plan on one of the trajectories of one environment."""

    world: World
    state: ShieldState
    i: int
    slot: int
    start: np.ndarray
    phases: np.ndarray
    total: float
    time: float
    held: Held | None = None


class Proof:
    """All sets of one proposal; ``margin`` is how close the nearest of all comparisons was."""

    def __init__(self, proposal: Proposal) -> None:
        self.p = proposal
        world, state, i, slot = proposal.world, proposal.state, proposal.i, proposal.slot
        geometry, self.model = world.geometry, world.model
        self.pfl = state.mode[i] == PFL
        self.iso = world.params.pfl.model == "iso_ts_15066"
        self.margin = np.inf
        self.refused = ""
        self.times = proposal.total * np.arange(EDGES + 1) / EDGES
        end = state.ltt_duration[i, slot]
        where = [reference.path_position(proposal.start, proposal.phases, t)[0] for t in self.times]
        self.s = [min(s, end) for s in where]
        self.q, self.q_s = zip(*(trajectory_at(state.ltt[i, slot], s) for s in self.s), strict=True)
        self.points = [capsule_axes(geometry, q, proposal.held) for q in self.q]
        top_q_s, top_q_ss, _ = state.ltt_extremes[i, slot]
        self.alpha = curvatures(geometry, top_q_s, top_q_ss, proposal.held)
        self.radius = local_ends(geometry, proposal.held)[2]
        self.first, self.second = world.bodies.proximal, world.bodies.distal
        self.thick = world.bodies.radius
        self.v_max, self.error = self.model.human_v_max, self.model.measurement_error
        self.pos = state.human_pos[i]
        self.segments = np.stack([self.pos[:, self.first], self.pos[:, self.second]], axis=2)
        self.apart_in: dict = {}

    def more(self, a, b):
        """``a > b``, and how clearly."""
        with np.errstate(invalid="ignore"):
            gap = np.abs(np.asarray(a, dtype=float) - b)
        self.margin = min(self.margin, float(np.min(gap)))
        return np.asarray(a) > b

    def ds(self, first: int, last: int) -> float:
        return self.s[last] - self.s[first]

    def robot(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Axes (L, 2, 3) and radii (L,) of capsules that the robot's stay in between two edges."""
        a, b = self.points[first], self.points[last]
        chord = np.linalg.norm(b - a, axis=2).max(1)
        around = chord / 2 + self.alpha * self.ds(first, last) ** 2 / 8
        return (a + b) / 2, around + self.radius + self.model.tracking_error + MARGIN_M

    def ages(self, person: int, first: int, last: int) -> tuple[float, float]:
        """Least and largest time since a person was where the measurement says."""
        late = self.p.time - self.p.state.human_time[self.p.i, person]
        return late + self.times[first], late + self.model.delay + self.times[last]

    def grown(self, age: float) -> np.ndarray:
        """Radius of each body part around its measured axis, by speeds alone (B,)."""
        a, b = self.first, self.second
        error, speed = np.maximum(self.error[a], self.error[b]), np.maximum(self.v_max[a], self.v_max[b])
        return self.thick + error + speed * age

    def outside_vel(self, person: int, first: int, last: int):
        axes, around = self.robot(first, last)
        distance = segment_distances(axes[:, None], self.segments[person][None])
        return self.more(distance, around[:, None] + self.grown(self.ages(person, first, last)[1]))

    def ball(self, person: int, age: float) -> tuple[np.ndarray, np.ndarray]:
        """Centres (J, 3) and radii (J,) of where every joint can be, by its speed and acceleration bounds."""
        state, i = self.p.state, self.p.i
        rising = np.minimum(age, self.v_max / self.model.human_a_max)
        reach = self.model.human_a_max * rising**2 / 2 + self.v_max * (age - rising)
        unsure = self.error + state.human_vel_error[i, person] * rising
        # Until the speed is at its bound it rises by the acceleration; ``a rising`` is that bound if it ever is.
        return self.pos[person] + rising[:, None] * state.human_vel[i, person], unsure + reach

    def outside_combined(self, person: int, first: int, last: int):
        begin, end = self.ages(person, first, last)
        (here, small), (there, large) = self.ball(person, begin), self.ball(person, end)
        radius = np.maximum(large, small + np.linalg.norm(there - here, axis=1))
        segments = np.stack([there[self.first], there[self.second]], axis=1)
        axes, around = self.robot(first, last)
        both = np.maximum(radius[self.first], radius[self.second])
        return self.more(segment_distances(axes[:, None], segments[None]), around[:, None] + self.thick + both)

    def bones(self, person: int, root: int, joint: int) -> float:
        total = 0.0
        while joint != root:
            parent = self.p.world.bodies.parent[joint]
            if parent < 0:
                return np.inf
            total += np.linalg.norm(self.pos[person, joint] - self.pos[person, parent])
            total += self.error[joint] + self.error[parent]
            joint = parent
        return float(total)

    def outside_position(self, person: int, first: int, last: int):
        """Nobody's limbs are longer than their bones."""
        axes, around = self.robot(first, last)
        age = self.ages(person, first, last)[1]
        out = np.zeros((len(axes), len(self.first)), dtype=bool)
        for b, root in enumerate(self.p.world.bodies.root):
            if root >= 0:
                reach = max(self.bones(person, root, self.first[b]), self.bones(person, root, self.second[b]))
                ball = reach + self.error[root] + self.v_max[root] * age + self.thick[b]
                at = np.tile(self.pos[person, root], (2, 1))
                out[:, b] = self.more(segment_distances(axes, at[None]), around + ball)
        return out

    def apart(self, first: int, last: int) -> np.ndarray:
        """(P, L, B): proven apart by any one of the three sets."""
        if (first, last) not in self.apart_in:
            state, i = self.p.state, self.p.i
            out = []
            for person in range(self.model.people):
                sets = self.outside_vel(person, first, last) | self.outside_position(person, first, last)
                moving = state.human_seen[i, person] == 2 and state.human_smooth[i, person] == 1
                if self.p.world.params.use_acceleration_bounds and moving:
                    sets |= self.outside_combined(person, first, last)
                out.append(sets)
            self.apart_in[first, last] = np.array(out)
        return self.apart_in[first, last]

    def top_speed(self, first: int, last: int) -> float:
        """Largest path speed: at the ends of the interval and of phases, or where the acceleration vanishes."""
        begin, end = self.times[first], self.times[last]
        times, t, a = [begin, end], 0.0, self.p.start[2]
        for duration, jerk in self.p.phases:
            if jerk < 0.0 and 0.0 < -a / jerk < duration:
                times.append(t - a / jerk)
            a, t = a + jerk * duration, t + duration
            times.append(t)
        speeds = [reference.path_position(self.p.start, self.p.phases, t)[1] for t in times if begin <= t <= end]
        return max(0.0, *speeds) + SPEED_SLACK

    def harm(self, first: int, last: int) -> np.ndarray:
        """Energy of the robot [J], or speed of each capsule [m/s], at most in an interval (L,)."""
        world, held = self.p.world, self.p.held
        ds, speed = self.ds(first, last), self.top_speed(first, last)
        edges = [(self.q[edge], self.q_s[edge]) for edge in (first, last)]
        if self.iso:
            a, b = (capsule_speeds(world.geometry, q, q_s, held) for q, q_s in edges)
            return speed * (a + b + self.alpha * ds) / 2
        norms = [np.sqrt(2 * kinetic_energy(world.geometry, world.inertias, q, q_s, held)) for q, q_s in edges]
        most = max(norms) + self.p.state.ltt_energy_curvature[self.p.i, self.p.slot] * ds**2 / 8
        return np.full(len(self.alpha), (speed * most) ** 2 / 2)

    def bearable(self, constraint: int) -> np.ndarray:
        """(L, B) in the unit of ``harm``."""
        world, pfl = self.p.world, self.p.world.params.pfl
        if self.iso:
            limits = speed_limits(float(world.inertias.mass.sum()), pfl.payload_kg)[constraint]
            return np.tile(limits, (len(self.alpha), 1))
        tool = list(world.geometry.capsule_is_gripper) + ([1] if self.p.held is not None else [])
        rows = [CONTACT_TYPES.index(pfl.gripper_contact if gripper else "link") for gripper in tool]
        return energy_limits(pfl.table)[constraint][rows]

    def leaves(self, first: int, last: int, box) -> np.ndarray:
        """(L,): each capsule, with what is added to it, is outside one face of a box and goes no nearer to it."""
        out = np.zeros(len(self.alpha), dtype=bool)
        for k in range(len(out)):
            bow = self.alpha[k] * self.ds(first, last) ** 2 / 2
            for normal, half in zip([*box.rot.T, *-box.rot.T], [*box.half, *box.half], strict=True):
                face = half + self.radius[k] + self.model.tracking_error + MARGIN_M
                a, b = ((points[k] - box.pos) @ normal for points in (self.points[first], self.points[last]))
                if self.more(a, face).all() and self.more(b, face).all() and self.more(b - a, bow).all():
                    out[k] = True
        return out

    def may_clamp(self, first: int, last: int, person: int, link: int, body: int) -> bool:
        """Whether the body part, alone or against another one, fits between the link and what is behind it."""
        axes, around = self.robot(first, last)
        near, kin = self.model.link_neighbour, self.p.world.bodies.neighbour
        age = self.ages(person, first, last)[1]
        grown, segments = self.grown(age), self.segments[person]
        meets = ~self.more(segment_distances(segments[body], segments), grown[body] + grown)
        behind = []  # room, and which body parts may be there
        for other in range(len(axes)):
            if not near[link, other]:
                room = segment_distances(axes[link], axes[other]) - around[link] - around[other]
                behind.append((room, ~self.apart(first, last)[person, other]))
        for box in self.p.world.boxes:
            if not self.leaves(first, last, box)[link]:
                room = box_distances(box.pos, box.rot, box.half, axes[link]) - around[link]
                touched = ~self.more(box_distances(box.pos, box.rot, box.half, segments), grown)
                behind.append((room, touched))
        for room, there in behind:
            for part in range(len(grown)):
                size = 2 * self.thick[body] + (0.0 if part == body else 2 * self.thick[part])
                pressed = part == body or (meets[part] and not kin[body, part])
                if there[part] and pressed and not self.more(room, size):
                    return True
        return False

    def contacts_borne(self, first: int, last: int, pairs) -> bool:
        free, harm = self.bearable(FREE), self.harm(first, last)
        if any(self.more(harm[link], free[link, body]) for _, link, body in pairs):
            self.refused = "too hard"
            return False
        if any(self.may_clamp(first, last, *pair) for pair in pairs):
            self.refused = "clamped"
            return False
        return True

    def closed(self, first: int, last: int) -> np.ndarray:
        """(P, L, B): apart, or with PFL too weak to hurt even what is clamped."""
        out = self.apart(first, last)
        if self.pfl:
            out = out | ~self.more(self.harm(first, last)[:, None], self.bearable(CLAMPED))
        return out

    def verdict(self) -> int:
        """SAFE or HUMAN."""
        if self.s[0] == self.s[-1]:
            return SAFE
        far = np.array([self.outside_vel(person, 0, EDGES) for person in range(self.model.people)])
        leaf = EDGES
        while leaf > 1 and self.more(self.p.total * leaf, EDGES * LONGEST_S):
            leaf //= 2
        for first in range(0, EDGES, leaf):
            last = first + leaf
            if self.s[first] == self.s[last]:
                continue
            closed, width = far.copy(), leaf
            while width <= max(leaf, EDGES // 2):
                begin = first // width * width
                closed |= self.closed(begin, begin + width)
                width *= 2
            pairs = [tuple(pair) for pair in np.argwhere(~closed)]
            if pairs and not (self.pfl and self.contacts_borne(first, last, pairs)):
                return HUMAN
        return SAFE
