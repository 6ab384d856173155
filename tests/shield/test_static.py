from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.errors import ModelError
from hrg_pipeline.physics.records import columns, make_rows
from hrg_pipeline.shield.box import box_gap
from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.model import INTERVALS
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.static import configuration_gap, forget_static, static_apart, static_suspects
from hrg_pipeline.shield.static_data import Obstacle, StaticPairs, static_fields, static_scratch
from tests.shield import reference
from tests.shield.toys import human_bodies, planar_arm, rotation

MARGIN = 0.005
SIZE = 3
TABLE = Obstacle("table", np.array([0.0, 0.0, -0.5]), np.eye(3), np.array([1.0, 1.0, 0.5]))


@numba.njit
def _box_gap(models, o, p0, p1):
    return box_gap(models[0], o, p0, p1)


@numba.njit
def _box_gaps(models, ends, out):
    for k in range(len(ends)):
        out[k] = box_gap(models[0], k, ends[k, 0], ends[k, 1])


@numba.njit
def _suspects(models, rows, alpha, pair_alpha, ds):
    return static_suspects(models[0], rows[0], alpha, pair_alpha, ds)


@numba.njit
def _apart(models, rows, interval, count, alpha, pair_alpha, ds):
    return static_apart(models[0], rows[0], interval, interval + 1, count, alpha, pair_alpha, ds)


@numba.njit
def _forget(rows):
    forget_static(rows[0])


class Check:
    """Both levels for capsules whose ends move as somebody says."""

    def __init__(self, obstacles, radius, self_pairs=(), applies=None, margin=MARGIN) -> None:
        self.obstacles, self.radius = list(obstacles), np.asarray(radius, dtype=float)
        count = len(self.radius)
        self.applies = np.ones((len(self.obstacles), count), bool) if applies is None else np.asarray(applies)
        self.pairs = np.array(self_pairs, dtype=np.int64).reshape(-1, 2)
        self.margin = margin
        # One shape for all tests, so that kernels are compiled once; the counts leave out what is padded.
        spare = SIZE - len(self.obstacles)
        padded = np.zeros((SIZE, SIZE), bool)
        padded[: len(self.obstacles), :count] = self.applies
        pairs = np.concatenate([self.pairs, np.tile([[0, 1]], (SIZE - len(self.pairs), 1))])
        fields = static_fields([*self.obstacles, *[TABLE] * spare], padded, pairs, margin)
        fields["n_boxes"], fields["n_self"] = np.array(len(self.obstacles)), np.array(len(self.pairs))
        fields["capsule_link"] = np.zeros(SIZE, dtype=np.int64)  # pairs are seen from a link that stays in the world
        scratch = {
            "edge_frames": np.tile(np.concatenate([np.eye(3), np.zeros((1, 3))]), (INTERVALS + 1, 1, 1, 1)),
            "points": np.zeros((INTERVALS + 1, SIZE, 2, 3)),
            "n_capsules": np.array(count),
            "capsule_radius": np.concatenate([self.radius, np.full(SIZE - count, 9.0)]),
            **static_scratch(fields),
        }
        self.models, self.rows = make_rows(1, fields), make_rows(1, scratch)
        self.row = columns(self.rows)

    def proven(self, motion, alpha, ds) -> bool:
        """``motion(s)`` gives the ends (L, 2, 3)."""
        alpha = np.full(SIZE, float(alpha))
        for k in range(INTERVALS + 1):
            self.row["points"][0, k, : len(self.radius)] = motion(ds * k / INTERVALS)
        step = ds / INTERVALS
        count = _suspects(self.models, self.rows, alpha, 2.0 * alpha, ds)
        if count == 0:
            return True
        return all(_apart(self.models, self.rows, k, count, alpha, 2.0 * alpha, step) for k in range(INTERVALS))

    def gap(self, ends) -> float:
        """Smallest gap over moments (..., L, 2, 3), slow and obvious."""
        ends, gaps = np.asarray(ends), [np.inf]
        for o, box in enumerate(self.obstacles):
            for k in np.flatnonzero(self.applies[o]):
                gaps.append(slow_box_gap(box, ends[..., k, 0, :], ends[..., k, 1, :]).min() - self.radius[k])
        for a, b in self.pairs:
            distance = slow_segment_gap(ends[..., a, :, :], ends[..., b, :, :])
            gaps.append(distance.min() - self.radius[a] - self.radius[b])
        return float(min(gaps))

    def least_gap(self, motion, ds, samples=41) -> float:
        return self.gap(np.stack([motion(s) for s in np.linspace(0.0, ds, samples)]))


def slow_segment_gap(first, second):
    """Ternary search along one segment (..., 2, 3), the other one in closed form."""
    p, d = first[..., 0, :], first[..., 1, :] - first[..., 0, :]
    q, e = second[..., 0, :], second[..., 1, :] - second[..., 0, :]
    length = np.maximum((e * e).sum(-1), 1e-30)

    def gap(t):
        x = p + t[..., None] * d
        y = np.clip(((x - q) * e).sum(-1) / length, 0.0, 1.0)
        return np.linalg.norm(x - q - y[..., None] * e, axis=-1)

    return narrow(gap, np.zeros(p.shape[:-1]))


def narrow(gap, zeros):
    """Least value over [0, 1] of a convex function of arrays."""
    low, high = zeros, zeros + 1.0
    for _ in range(60):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        less = gap(first) <= gap(second)
        low, high = np.where(less, low, first), np.where(less, second, high)
    return np.minimum(np.minimum(gap(zeros), gap(zeros + 1.0)), gap(0.5 * (low + high)))


def slow_box_gap(box, p0, p1):
    """Ternary search, the distance is convex along the segment; also for many segments (k, 3) and boxes at once."""
    rot, pos, half = np.asarray(box.rot), np.asarray(box.pos), np.asarray(box.half)
    a, b = (np.einsum("...ji,...j->...i", rot, p - pos) for p in (p0, p1))

    def gap(t):
        p = a + np.asarray(t)[..., None] * (b - a)
        return np.linalg.norm(p - np.clip(p, -half, half), axis=-1)

    return narrow(gap, np.zeros(a.shape[:-1]))


def a_box(rng, scale=0.4) -> Obstacle:
    rot = np.eye(3) if rng.random() < 0.3 else rotation(rng.normal(size=3), rng.uniform(-3, 3))
    return Obstacle("box", rng.uniform(-scale, scale, 3), rot, rng.uniform(0.02, 0.3, 3))


def a_motion(rng, count, alpha, speed=1.0):
    """Ends that start anywhere and curve as much as they may."""
    start, v = rng.uniform(-0.8, 0.8, (count, 1, 3)), rng.normal(size=(count, 2, 3)) * speed
    start = start + rng.uniform(-0.25, 0.25, (count, 2, 3))
    direction = rng.normal(size=(count, 2, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    frequency = rng.choice([0.0, 5.0, 40.0])

    def motion(s):
        if frequency == 0.0:
            return start + v * s + 0.5 * alpha * direction * s * s
        return start + v * s + alpha * direction * (1.0 - np.cos(frequency * s)) / frequency**2

    return motion


def a_rod(height, length=0.2):
    return np.array([[[0.0, 0.0, height], [length, 0.0, height]]])


def test_box_gap_is_the_true_distance():
    rng = np.random.default_rng(0)
    count = 100_000
    turns = np.array([rotation(rng.normal(size=3), rng.uniform(-3, 3)) for _ in range(1000)])
    rot = turns[rng.integers(0, 1000, count)]
    pos, half = rng.uniform(-0.4, 0.4, (count, 3)), rng.uniform(0.0, 0.4, (count, 3))
    ends = rng.uniform(-1.0, 1.0, (count, 2, 3))
    ends[: count // 4, 1] = ends[: count // 4, 0] + rng.uniform(-0.01, 0.01, (count // 4, 3))
    inside = slice(count // 4, count // 2)  # one end in the box
    ends[inside, 0] = pos[inside] + np.einsum(
        "nij,nj->ni", rot[inside], rng.uniform(-1, 1, half[inside].shape) * half[inside]
    )
    models = make_rows(1, {"box_pos": pos, "box_rot": rot, "box_half": half})
    gaps = np.zeros(count)
    _box_gaps(models, ends, gaps)
    slow = slow_box_gap(Obstacle("all", pos, rot, half), ends[:, 0], ends[:, 1])
    assert min((slow == 0.0).sum(), (slow > 0.0).sum()) > count // 4
    assert np.abs(gaps - slow).max() < 1e-9
    assert (gaps <= slow + 1e-12).all()
    assert gaps[inside].max() < 1e-12


@pytest.mark.parametrize(
    ("p0", "p1", "gap"),
    [
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0),  # out through a corner
        ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), 0.0),  # through two corners
        ((0.2, 0.2, 0.2), (0.2, 0.2, 0.2), np.sqrt(3) * 0.1),  # a point off a corner
        ((0.0, 0.0, 0.05), (0.0, 0.0, 0.05), 0.0),  # a point inside
        ((-1.0, 0.0, 0.15), (1.0, 0.0, 0.15), 0.05),  # parallel to a face
        ((-1.0, 0.15, 0.15), (1.0, 0.15, 0.15), np.sqrt(2) * 0.05),  # parallel to an edge
        ((-1.0, 0.0, 0.1), (1.0, 0.0, 0.1), 0.0),  # in a face
        ((0.0, 0.0, 0.1 + 1e-7), (1.0, 0.0, 0.1), 9e-8),
        ((0.3, 0.0, 0.2), (0.2, 0.0, 0.3), np.sqrt(2) * 0.15),  # across an edge
    ],
)
def test_box_gap_of_special_segments(p0, p1, gap):
    models = make_rows(1, static_fields([Obstacle("box", np.zeros(3), np.eye(3), np.full(3, 0.1))], [[True]], [], 0.0))
    for first, second in ((p0, p1), (p1, p0)):
        assert _box_gap(models, 0, np.array(first), np.array(second)) == pytest.approx(gap, abs=1e-12)
    assert np.isnan(_box_gap(models, 0, np.array(p0), np.array([np.nan, 0.0, 0.0])))
    assert np.isnan(_box_gap(models, 0, np.array([0.0, np.nan, 0.0]), np.array(p1)))


def test_proven_means_apart_and_apart_is_mostly_proven():
    rng = np.random.default_rng(1)
    alpha, ds, clear, agreed, touching = 3.0, 0.15, 0, 0, 0
    for case in range(300):
        check = Check([a_box(rng) for _ in range(2)], rng.uniform(0.03, 0.1, 3), [(0, 1), (0, 2)])
        motion = a_motion(rng, 3, alpha)
        proven = check.proven(motion, alpha, ds)
        least, start = check.least_gap(motion, ds, 31), check.gap(motion(0.0))
        if proven:  # what is too close at the start may only be let out
            assert least > MARGIN or least >= start - 2e-4, case
        clear += least > MARGIN + 0.015
        agreed += least > MARGIN + 0.015 and proven
        touching += least < MARGIN
    assert touching > 40 and clear > 40
    assert agreed >= 0.95 * clear


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    alpha=st.floats(0.0, 20.0),
    ds=st.floats(1e-4, 0.5),
    speed=st.floats(0.0, 4.0),
)
def test_no_motion_within_its_bounds_leaves_the_proof(seed, alpha, ds, speed):
    rng = np.random.default_rng(seed)
    check = Check([a_box(rng)], rng.uniform(0.03, 0.1, 2), [(0, 1)])
    motion = a_motion(rng, 2, alpha, speed)
    if check.proven(motion, alpha, ds) and check.row["static_inside"][0] == 0:
        assert check.least_gap(motion, ds) > MARGIN


def test_the_robot_may_slide_along_a_surface():
    """2 mm outside the margin, 0.8 m/s as of an arm of 0.8 m that turns at 1 rad/s, a stop of 0.15 s."""
    check = Check([TABLE], [0.06])
    height = 0.06 + MARGIN + 0.002
    axis = np.array([[[0.8, 0.0, height], [1.0, 0.0, height]]])
    turning = lambda s: axis @ rotation(np.array([0.0, 0.0, 1.0]), s).T  # noqa: E731
    assert check.proven(turning, 1.0, 0.15)
    assert not check.proven(lambda s: turning(s) - np.array([0.0, 0.0, 0.03 * s]), 1.0, 0.15)


def test_links_that_move_together_are_not_blown_up_by_their_common_motion():
    check = Check([], [0.05, 0.05], [(0, 1)])
    both = np.concatenate([a_rod(0.0), a_rod(0.11 + MARGIN)])
    assert check.proven(lambda s: both + np.array([0.3, 0.2, 1.0]) * s, 0.5, 0.1)


def test_parallel_and_point_like_axes():
    point = np.zeros((1, 2, 3))
    upward = np.array([0.0, 0.0, 1.0])
    for axis in (a_rod(0.0), point):
        for other in (a_rod(0.12), a_rod(0.12)[:, ::-1], point + 0.12 * upward, a_rod(0.12) - [0.1, 0.0, 0.0]):
            for first, second in ((axis, other), (other, axis)):
                ends = np.concatenate([first, second])
                toward = np.array([[[1.0]], [[-1.0]]]) * np.sign(second.mean() - first.mean()) * upward
                check = Check([], [0.05, 0.05], [(0, 1)])
                assert check.proven(lambda s, ends=ends: ends, 0.1, 0.01)
                assert check.proven(lambda s, ends=ends, toward=toward: ends - s * toward, 0.1, 0.1)
                assert not check.proven(lambda s, ends=ends, toward=toward: ends + s * toward, 0.1, 0.1)


def test_axes_that_cross_stand_still_or_part():
    crossing = np.array([[[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]])
    check = Check([], [0.05, 0.05], [(0, 1)])
    assert check.proven(lambda s: crossing, 0.1, 0.1)
    assert check.row["static_inside"][0] == 1
    upward = np.array([[[0.0, 0.0, 1.0]], [[0.0, 0.0, 0.0]]])
    assert check.proven(lambda s: crossing + s * upward, 0.1, 0.1)
    assert not check.proven(lambda s: crossing - s * upward, 0.1, 0.1)


def away(ends, direction, jerk=15.0):
    """Motion from rest that follows a planned trajectory's first phase."""
    return lambda s: ends + np.asarray(direction) * jerk * s**3 / 6.0


@pytest.mark.parametrize("height", [0.06 + 0.5 * MARGIN, 0.02, 0.0, -0.05])
def test_a_robot_that_is_too_close_is_let_out_and_not_in(height):
    """Above the table but too close, touching it, its axis in the surface, and inside."""
    for speed in (1e-5, 1e-2, 0.06):
        check = Check([TABLE], [0.06])
        assert check.proven(away(a_rod(height), (0.2, 0.0, 0.8)), 3.0, speed)
        assert check.row["static_inside"][0] == 1
    for direction in ((0.0, 0.0, -0.8), (0.8, 0.0, -0.1)):
        assert not check.proven(away(a_rod(height), direction), 3.0, 0.1)
    assert not check.proven(
        lambda s: a_rod(height) + np.array([0.0, 0.0, s - 5 * s * s]), 10.0, 0.3
    )  # out and in again
    tilting = lambda s: a_rod(height) + s * np.array([[[0.0, 0.0, 1.0], [0.0, 0.0, -0.2]]])  # noqa: E731
    assert not check.proven(tilting, 1.0, 0.05)
    assert check.proven(lambda s: a_rod(0.1), 1.0, 0.05)
    assert check.row["static_inside"][0] == 0


def test_links_that_touch_are_let_apart_and_not_closer():
    for distance in (0.09, 0.0):
        ends = np.concatenate([a_rod(0.0), a_rod(distance)[..., [1, 0, 2]]])
        check = Check([], [0.05, 0.05], [(0, 1)])
        outward = np.zeros((2, 1, 3))
        outward[1] = (0.0, 0.0, 0.5) if distance else (-0.5, 0.5, 0.0)
        assert check.proven(away(ends, outward), 3.0, 0.05)
        assert check.row["static_inside"][0] == 1
        assert not check.proven(away(ends, -outward), 3.0, 0.1)


@pytest.mark.parametrize("where", ["first", "middle", "last", "radius", "alpha"])
def test_what_is_not_a_number_is_not_proven(where):
    for axis in range(3):
        for end in range(2):
            check = Check([TABLE], [0.06, 0.06], [(0, 1)])
            ends = np.concatenate([a_rod(0.3), a_rod(0.5)])
            near = np.concatenate([a_rod(0.0664), a_rod(0.5)])
            broken = np.zeros((2, 2, 3))
            broken[0, end, axis] = np.nan
            at = {"first": 0.0, "middle": 0.05, "last": 0.1}.get(where, -1.0)
            assert check.proven(lambda s, ends=ends: ends, 1.0, 0.1)
            if where == "radius":
                check.row["capsule_radius"][0, 0] = np.nan
            alpha = np.nan if where == "alpha" else 1.0
            start = near if where == "middle" else ends
            motion = lambda s, start=start, broken=broken, at=at: start + broken * (abs(s - at) < 1e-9)  # noqa: E731
            assert check.proven(lambda s, start=start: start, 1.0, 0.1) == (where != "radius")
            assert not check.proven(motion, alpha, 0.1)
            if where != "radius":
                assert check.proven(lambda s, ends=ends: ends, 1.0, 0.1)


def test_what_is_remembered_never_proves_too_much():
    """A long walk with plans of changing length; capsules come, go and change their radius."""
    rng = np.random.default_rng(3)
    alpha, skipped, total, proofs = 2.0, 0, 0, 0
    check = Check([a_box(rng) for _ in range(3)], [0.05, 0.06, 0.04], [(0, 1), (1, 2), (0, 2)])
    ends, v = rng.uniform(-0.5, 0.5, (3, 2, 3)), np.zeros((3, 2, 3))
    for cycle in range(2500):
        if cycle % 100 == 0:
            check.row["n_capsules"][0] = 3 if cycle % 200 else 2
            check.radius[2] = check.row["capsule_radius"][0, 2] = rng.uniform(0.02, 0.08)
        v = 0.98 * v + rng.normal(size=(3, 1, 3)) * 0.08 + rng.normal(size=(3, 2, 3)) * 0.01
        centre = ends.mean(axis=1, keepdims=True)
        v -= 0.2 * centre * (np.linalg.norm(centre, axis=-1, keepdims=True) > 0.7)
        ends = ends + v * 0.004
        bend = rng.normal(size=3)
        bend *= alpha / np.linalg.norm(bend)
        motion = lambda s, ends=ends, v=v, bend=bend: ends + v * s + 0.5 * bend * s * s  # noqa: E731
        ds = rng.choice([0.01, 0.05, 0.15])
        proven = check.proven(motion, alpha, ds)
        n = check.row["n_capsules"][0]
        skipped, total = skipped + int(n - check.row["static_active"][0, :n].sum()), total + int(n)
        if proven and check.row["static_inside"][0] == 0 and cycle % 3 == 0:
            present = Check(check.obstacles, check.radius[:n], [pair for pair in check.pairs if max(pair) < n])
            assert present.gap(np.stack([motion(s)[:n] for s in np.linspace(0.0, ds, 15)])) > MARGIN
        if cycle % 50 == 49:
            _forget(check.rows)
        proofs += proven
    assert skipped > 0.3 * total
    assert 0.1 * 2500 < proofs < 2500


def test_what_is_not_watched_may_touch():
    ends = np.concatenate([a_rod(0.3), a_rod(0.0), a_rod(0.3)])
    sinking = lambda s: ends - s * np.array([[[0.0]], [[1.0]], [[0.5]]]) * [0.0, 0.0, 1.0]  # noqa: E731
    assert Check([TABLE], [0.05] * 3, applies=[[True, False, True]]).proven(sinking, 1.0, 0.1)
    assert Check([], [0.05] * 3).proven(sinking, 1.0, 0.1)
    assert not Check([TABLE], [0.05] * 3).proven(sinking, 1.0, 0.1)
    assert not Check([], [0.05] * 3, [(0, 1), (2, 1), (0, 2)]).proven(lambda s: sinking(-s), 1.0, 0.1)


def test_capsules_may_overlap_by_their_slack():
    close = np.concatenate([a_rod(0.0), a_rod(0.09)])
    check = Check([], [0.05, 0.05], [(0, 1)])
    assert not check.proven(lambda s: close + s * np.array([[[0.1]], [[0.0]]]) * [0.0, 0.0, 1.0], 0.0, 0.01)
    _forget(check.rows)
    columns(check.models)["self_slack"][0] = 0.02
    assert check.proven(lambda s: close + s * np.array([[[0.1]], [[0.0]]]) * [0.0, 0.0, 1.0], 0.0, 0.01)
    assert check.row["static_inside"][0] == 0


def test_the_gap_of_a_configuration():
    geometry = planar_arm()
    wall = Obstacle("wall", np.array([0.9, 0.9, 1.0]), rotation(np.array([0, 0, 1.0]), 0.4), np.array([0.3, 0.2, 0.5]))
    check = Check([wall], geometry.capsule_radius, [(0, 2)])
    statics = StaticPairs((wall,), np.ones((1, 4), bool), np.array([[0, 2]]), np.zeros(1))
    model = make_shield_model(geometry, human_bodies(), ShieldParams(obstacle_margin_m=MARGIN), statics=statics)
    models, rows = model.record, make_shield_state(model, 2).rows
    for q in np.random.default_rng(2).uniform(-2.8, 2.8, (200, 3)):
        assert configuration_gap(models, rows, 1, q) == pytest.approx(
            check.gap(reference.capsules(geometry, q)), abs=1e-6
        )
    assert np.isnan(configuration_gap(models, rows, 0, np.array([0.0, np.nan, 0.0])))


def test_a_robot_without_obstacles_and_pairs_is_free():
    fields = static_fields([], np.zeros((0, 2), bool), np.zeros((0, 2)), MARGIN)
    assert fields["n_boxes"] == fields["n_self"] == 0
    assert min(value.size for value in (*fields.values(), *static_scratch(fields).values())) > 0
    assert Check([], [0.05, 0.05]).proven(lambda s: np.zeros((2, 2, 3)), 1.0, 0.1)


def test_wrong_data_is_refused():
    good = dict(obstacles=[TABLE], applies=[[True, False]], self_pairs=[[0, 1]], margin=0.0)
    static_fields(**good)
    for change in (
        dict(applies=[[True, False]] * 2),
        dict(self_pairs=[[0, 2]]),
        dict(self_pairs=[[1, 1]]),
        dict(self_slack=[-0.01]),
        dict(self_slack=[0.0, 0.0]),
        dict(margin=np.nan),
        dict(margin=-0.1),
        dict(obstacles=[TABLE._replace(half=np.array([1.0, -1.0, 1.0]))]),
        dict(obstacles=[TABLE._replace(rot=2 * np.eye(3))]),
        dict(obstacles=[TABLE._replace(pos=np.zeros(2))]),
        dict(obstacles=[TABLE._replace(pos=np.full(3, np.nan))]),
    ):
        with pytest.raises(ModelError):
            static_fields(**{**good, **change})
