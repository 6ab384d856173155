"""The shield's verdict of a plan is that of the slow and obvious proof."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.model import HUMAN, SAFE
from hrg_pipeline.shield.params import PflParams, ShieldParams
from tests.shield.cases import border, kernel_verdict, make_world, move_people, random_case
from tests.shield.motions import unit
from tests.shield.verification import Proof

EXACT = dict(tracking_error_m=0.005)
LATE = dict(
    measurement_error_m=0.02,
    measurement_error_by_joint_m={"L_Hand": 0.04, "Pelvis": 0.0},
    measurement_delay_s=0.03,
    measurement_jitter_s=0.01,
    measurement_period_s=0.03,
    trunk_speed_max_m_s=0.7,
)
SENSORS = {"exact": EXACT, "speed": {**EXACT, "use_acceleration_bounds": False}, "late": LATE}
MODES = {
    "ssm": dict(type="SSM"),
    "energy": dict(type="PFL", pfl=PflParams(gripper_contact="wedge")),
    "iso": dict(type="PFL", pfl=PflParams(model="iso_ts_15066", payload_kg=3.0)),
}
ROUNDING = 1e-9


def worlds(arm: str, people: int):
    for k, (mode, sensor) in enumerate((m, s) for m in MODES for s in SENSORS):
        params = ShieldParams(**MODES[mode], **SENSORS[sensor])
        yield mode, make_world(arm, params, people, None if k % 2 else k)


@pytest.mark.parametrize(("arm", "people"), [("planar", 1), ("general", 1), ("planar", 2)])
def test_the_verdict_is_that_of_the_obvious_proof(arm, people):
    """Where people are near enough to be refused, they are moved to where they are only just so, and only just not."""
    count = {mode: 0 for mode in MODES}
    safe, refused, close = dict(count), [], 0
    for k, (mode, world) in enumerate(worlds(arm, people)):
        for seed in range(20):
            case, away = random_case(world, 1000 * k + seed), unit(np.random.default_rng(seed).normal(size=3))
            measured = case.state.human_pos[0].copy()
            for shift in border(case, away):
                move_people(case, measured, shift)
                proof = Proof(case)
                expected = proof.verdict()
                if proof.margin < ROUNDING:
                    close += 1
                    continue
                assert kernel_verdict(case) == expected, (mode, k, seed, shift, proof.margin)
                count[mode] += 1
                safe[mode] += expected == SAFE
                refused.append(proof.refused)
    assert close <= 3
    for mode, cases in count.items():
        assert 0.1 * cases < safe[mode] < 0.9 * cases, (mode, safe, count)
    assert refused.count("too hard") > 5 and refused.count("clamped") > 5


def test_people_are_judged_one_by_one():
    """Two people are safe if and only if each of them is."""
    world = make_world("planar", ShieldParams(**MODES["ssm"], **EXACT), 2)
    verdicts = []
    for seed in range(60):
        case = random_case(world, seed)
        state, alone = case.state, []
        both, pos = kernel_verdict(case), state.human_pos[0].copy()
        for person in range(2):
            state.human_pos[0] = pos
            state.human_pos[0, 1 - person] += 50.0
            state.bodies_known[0] = 0
            alone.append(kernel_verdict(case))
        assert both == max(alone)
        verdicts.append(alone)
    assert (np.array(verdicts) == HUMAN).mean(0).min() > 0.1
