from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.clip import Clip, Loop


def _clip(**changes: Any) -> Clip:
    rng = np.random.default_rng(3)
    rotations = Rotation.random(12 * 24, rng=rng).as_quat(scalar_first=True).reshape(12, 24, 4)
    values: dict[str, Any] = {
        "name": "handover/3",
        "family": "handover",
        "root_position": rng.normal(size=(12, 3)),
        "rotations": rotations,
        "rate_hz": 30.0,
        "stature_m": 1.8,
        "keyframes_s": (0.1, 0.2),
        "loops": {"wait": Loop(0.2, (0.05, 0.02), (0.6, 0.4))},
        "hand": "left",
        "target": (0.4, 0.1, 1.0),
        "pivot_xy": (1.0, 0.0),
        "source": "somewhere",
        "licence": "CC-BY-4.0",
    }
    return Clip(**{**values, **changes})


def test_comes_back_from_its_file_to_the_bit(tmp_path: Path) -> None:
    clip = _clip()
    clip.save(tmp_path / "a.npz")
    back = Clip.load(tmp_path / "a.npz")
    for name, value in vars(clip).items():
        if name == "loops":
            assert {k: vars(v) for k, v in value.items()} == {k: vars(v) for k, v in back.loops.items()}
        elif isinstance(value, np.ndarray):
            assert value.tobytes() == getattr(back, name).tobytes()
        else:
            assert value == getattr(back, name), name
    back.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    plain = _clip(loops={}, keyframes_s=(), target=None, pivot_xy=None)
    plain.save(tmp_path / "c.npz")
    assert Clip.load(tmp_path / "c.npz").target is None


def test_cannot_be_changed() -> None:
    positions = np.zeros((12, 3))
    clip = _clip(root_position=positions)
    positions[0] = 1.0
    assert clip.root_position[0, 0] == 0.0
    assert clip.duration_s == pytest.approx(11 / 30)
    with pytest.raises(ValueError, match="read-only"):
        clip.rotations[0, 0, 0] = 2.0
    with pytest.raises(FrozenInstanceError):
        clip.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        clip.loops["more"] = Loop(0.1, (1.0,), (1.0,))  # type: ignore[index]
    assert replace(clip, name="other").name == "other"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "name is ''"),
        ({"source": "two\nlines"}, "source is"),
        ({"root_position": np.zeros((12, 2))}, r"root_position has shape \(12, 2\); expected \(n, 3\)"),
        ({"root_position": np.zeros((11, 3))}, "11 root positions and 12 rotations"),
        ({"root_position": np.full((12, 3), np.nan)}, "root_position is not finite at sample 0"),
        ({"rotations": np.ones((12, 24, 4))}, "sample 0, body 0 has length 2; expected 1"),
        ({"rotations": np.zeros((12, 23, 4))}, r"rotations has shape"),
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
        ({"stature_m": float("nan")}, "stature_m is nan"),
        ({"keyframes_s": (0.2, 0.1)}, "keyframes_s are"),
        ({"keyframes_s": (9.0,)}, "keyframes_s are"),
        ({"keyframes_s": (float("nan"),)}, "keyframes_s are"),
        ({"hand": "foot"}, "hand is 'foot'; valid are none, left, right, both"),
        ({"loops": {"wait": Loop(5.0, (1.0,), (1.0,))}}, "loop 'wait' has its anchor at 5.0"),
        ({"loops": {"wait": (1, 2)}}, "loop 'wait' is a tuple"),
        ({"target": (1.0, 2.0)}, "target is"),
        ({"pivot_xy": (1.0, float("inf"))}, "pivot_xy is"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(MotionError, match=says) as caught:
        _clip(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("amplitudes", "speeds", "says"),
    [
        ((), (), "0 amplitudes_s"),
        ((1.0,), (1.0, 2.0), "1 amplitudes_s and 2 speeds"),
        ((0.0,), (1.0,), "positive"),
        ((1.0,), (float("nan"),), "finite"),
    ],
)
def test_a_loop_that_cannot_be_is_refused(amplitudes: tuple[float, ...], speeds: tuple[float, ...], says: str) -> None:
    with pytest.raises(MotionError, match=says):
        Loop(0.0, amplitudes, speeds)


def test_a_bad_file_is_one_clear_line(tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    _clip().save(good)
    with np.load(good) as stored:
        parts = dict(stored)
    header = json.loads(str(parts["header"]))

    def stored_as(**changes: Any) -> bytes:
        path = tmp_path / "changed.npz"
        with path.open("wb") as file:
            np.savez(file, **{k: v for k, v in {**parts, **changes}.items() if v is not None})
        return path.read_bytes()

    evil = np.array([print], dtype=object)
    cases: dict[str, tuple[bytes, str]] = {
        "truncated": (good.read_bytes()[:300], "not a stored clip"),
        "text": (b"hello", "not a stored clip"),
        "empty": (b"", "not a stored clip"),
        "pickle": (stored_as(rotations=evil), "not a stored clip"),
        "part missing": (stored_as(rotations=None), "not a stored clip"),
        "other version": (stored_as(header=np.array(json.dumps({**header, "schema": 99}))), "schema is 99"),
        "no header": (stored_as(header=np.array("[]")), "schema is None"),
        "unknown key": (stored_as(header=np.array(json.dumps({**header, "colour": 1}))), "does not fit"),
        "bad value": (stored_as(header=np.array(json.dumps({**header, "rate_hz": -1}))), "rate_hz is -1"),
    }
    for name, (content, says) in cases.items():
        path = tmp_path / "bad.npz"
        path.write_bytes(content)
        with pytest.raises(MotionError, match=says) as caught:
            Clip.load(path)
        assert "\n" not in str(caught.value), name
    with pytest.raises(MotionError, match=r"absent.npz.*No such file"):
        Clip.load(tmp_path / "absent.npz")
