from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError, MotionError
from hrg_pipeline.human import playback as pb
from hrg_pipeline.human.body import BODY_INDEX, make_shield_bodies, make_skeleton
from hrg_pipeline.human.clip import Clip, Loop
from hrg_pipeline.human.ik import bump
from hrg_pipeline.human.motion import pose_at
from hrg_pipeline.human.motion_set import clip_from_postures, in_split, library_from_clips, make_motion_set
from hrg_pipeline.human.params import HumanParams, MotionParams

SKELETON = make_skeleton()
SEED = np.random.SeedSequence(4)


def waving(name: str = "wave/0", stature: float = 1.75, speed: float = 1.0, **facts: object) -> Clip:
    """A person who stands on the floor and lifts the right arm and puts it down."""
    postures = np.zeros((151, 75))
    postures[:, :3] = [1.2, 0.1, 0.55 * stature]
    postures[:, 5] = np.pi
    postures[:, 3 + 3 * BODY_INDEX["R_Shoulder"]] = -speed * bump(np.arange(151) / 150.0)
    return clip_from_postures(name, name.split("/", maxsplit=1)[0], postures, stature, pivot_xy=(1.0, 0.0), **facts)


def test_a_folder_of_clips_is_played_by_family_and_split(tmp_path: Path) -> None:
    for k in range(12):
        (tmp_path / "deep").mkdir(exist_ok=True)
        waving(f"wave/{k}").save(tmp_path / "deep" / f"{k}.npz")
    waving("nod/0").save(tmp_path / "nod.npz")

    def names(**motion: object) -> list[str]:
        human = HumanParams(motion=MotionParams.model_validate({"source": str(tmp_path), **motion}))
        return [facts.name for facts in make_motion_set(human, 10.0, SEED).clips]

    assert len(names()) == 13
    assert names(families=["nod"]) == ["nod/0"]
    train, test = names(split="train", test_share=0.3), names(split="test", test_share=0.3)
    assert sorted(train + test) == sorted(names())
    assert train and test
    waving("wave/99").save(tmp_path / "more.npz")
    assert set(train) <= set(names(split="train", test_share=0.3))
    with pytest.raises(ConfigError, match=r"motion.families names 'walk'.*nod, wave"):
        names(families=["walk"])
    with pytest.raises(ConfigError, match=r"motion.split is 'test', but none of the 14 clips"):
        names(split="test", test_share=1e-9)
    waving("wave/3").save(tmp_path / "again.npz")
    with pytest.raises(MotionError, match="two clips are called 'wave/3'"):
        names()
    (tmp_path / "junk.npz").write_bytes(b"junk")
    with pytest.raises(MotionError, match=r"junk.npz"):
        names()


@pytest.mark.parametrize("source", ["nowhere", "."])
def test_a_source_without_clips_is_one_clear_line(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"motion.source"):
        make_motion_set(HumanParams(motion=MotionParams(source=source)), 10.0, SEED)


def test_procedural_train_and_test_sets_are_disjoint_and_as_large_as_asked() -> None:
    made = {
        split: make_motion_set(HumanParams(motion=MotionParams(n_clips=5, split=split)), 5.0, SEED)
        for split in ("all", "train", "test")
    }
    names = {split: [facts.name for facts in motions.clips] for split, motions in made.items()}
    assert all(len(n) == 5 for n in names.values())
    assert names["all"] == [f"reach/{k}" for k in range(5)]
    assert not set(names["train"]) & set(names["test"])
    assert made["train"].sha256() != made["test"].sha256()
    with pytest.raises(ConfigError, match="names 'dance'; procedural families are: reach"):
        make_motion_set(HumanParams(motion=MotionParams(families=("dance",))), 5.0, SEED)


def test_a_share_of_the_names_is_test() -> None:
    share = np.mean([in_split(f"any/{k}", "test", 0.2) for k in range(4000)])
    assert share == pytest.approx(0.2, abs=0.02)
    assert all(in_split(f"any/{k}", "test", 0.2) != in_split(f"any/{k}", "train", 0.2) for k in range(50))


def test_clips_of_other_people_are_scaled_so_that_feet_stay_on_the_floor() -> None:
    motions = library_from_clips([waving("a/0", 1.75), waving("b/0", 1.55), waving("c/0", 1.95)], SKELETON)
    pos, quat = np.zeros((3, 24, 3)), np.zeros((24, 4))
    for index in range(3):
        pose_at(motions.library, SKELETON, index, 1.0, np.zeros(3), pos[index], quat)
    feet = pos[:, [BODY_INDEX["L_Ankle"], BODY_INDEX["R_Ankle"]], 2]
    np.testing.assert_allclose(feet, feet[0, 0], atol=1e-9)
    np.testing.assert_allclose(pos[1, 0, :2], [1.0 + 0.2 * 1.75 / 1.55, 0.1 * 1.75 / 1.55], atol=1e-9)


def test_what_a_clip_uses_of_the_bounds_is_measured() -> None:
    loop = {"wait": Loop(1.5, (0.1,), (1.0,))}
    motions = library_from_clips([waving("slow/0", speed=0.5), waving("fast/0", speed=1.0, loops=loop)], SKELETON)
    slow, fast = (facts.shares for facts in motions.clips)
    np.testing.assert_allclose(slow[[0, 2]] * 2.0, fast[[0, 2]], rtol=1e-3)
    window = motions.clips[1].loop_shares["wait"]
    assert (window < fast).all()
    assert window[2] > 0.0
    bodies = make_shield_bodies(SKELETON)
    assert bodies.v_max.max() * fast[0] > 0.3


def test_more_loops_than_there_is_room_for_are_refused() -> None:
    loops = {f"stage {k}": Loop(1.0, (0.1,), (1.0,)) for k in range(7)}
    with pytest.raises(MotionError, match="has 7 loops of up to 1 terms; there is room for 6 of 4"):
        library_from_clips([waving(loops=loops)], SKELETON)


def test_ranges_must_rise() -> None:
    with pytest.raises(ValueError, match="stature_range"):
        HumanParams(stature_range=(1.9, 1.6))
    assert HumanParams(build="slim").girth < HumanParams().girth < HumanParams(build="heavy").girth
    assert HumanParams(build=1.05, stature_range=(1.6, 1.8)).statures_m == (1.6, 1.8)


@pytest.mark.parametrize(("stature", "speed", "seed"), [(1.75, 1.0, 0), (2.0, 1.0, 1), (1.95, 2.2, 2), (1.5, 2.2, 3)])
def test_every_joint_keeps_its_bounds_through_loops_starts_and_releases(
    stature: float, speed: float, seed: int
) -> None:
    """The whole chain as an episode plays it: measured shares, tempo, perturbed loop, clock, scaled pose."""
    loops = {"wait": Loop(1.2, (0.3, 0.2), (0.7, 0.6))}
    motions = library_from_clips([waving(speed=speed, loops=loops)], SKELETON)
    facts, rng, bodies = motions.clips[0], np.random.default_rng(seed), make_shield_bodies(SKELETON)
    scale = stature / 1.75
    tempo, change = pb.tempo_of(facts.shares, scale, 0.95)
    factors = 1.1 ** rng.uniform(-3.0, 3.0, (2, 2))
    rows = np.zeros((pb.MAX_LOOPS, pb.LOOP_SIZE))
    rows[0] = pb.perturbed_loop(loops["wait"], factors[0], factors[1], facts.loop_shares["wait"], scale, tempo)
    clock, stage = np.zeros(pb.CLOCK_SIZE), np.zeros(2, dtype=np.int64)
    pb.new_clock(clock, stage, tempo)
    person, dt, track = np.array([tempo, change, scale, 1.0]), 0.004, []
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    for k in range(1400):
        if k % 140 == 0:
            stage[:] = (0, 0) if k < 1100 and rng.random() < 0.7 else (pb.NEVER, 0)
        pb.advance_clock(clock, stage, rows, person, facts.duration_s, dt)
        pose_at(motions.library, SKELETON, 0, clock[pb.TIME], np.zeros(3), pos, quat)
        track.append(scale * pos)
    velocity = np.linalg.norm(np.diff(track, axis=0), axis=2).max(axis=0) / dt
    acceleration = np.linalg.norm(np.diff(track, n=2, axis=0), axis=2).max(axis=0) / dt**2
    hands = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]
    assert (velocity <= bodies.v_max).all()
    assert velocity[hands].max() <= 1.6
    assert (acceleration <= bodies.a_max).all()
    assert velocity.max() > 0.4
