"""The table of contact limits is consistent with itself, with its sources, and leaves no part of the body out."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES
from hrg_pipeline.shield.contact_limits import (
    BODY_ROWS,
    CONSTRAINED,
    CONTACT_TYPES,
    ENERGY_MODELS,
    REGIONS,
    UNCONSTRAINED,
    contact_energy,
    energy_limits,
    reduced_mass,
    speed_limits,
    transient_force,
)


@pytest.mark.parametrize("name", REGIONS)
def test_energies_follow_from_forces_and_stiffness(name):
    region = REGIONS[name]
    assert contact_energy(2.0 * region.force, region.stiffness) == pytest.approx(region.energy, rel=0.1)


def test_worked_example_of_a_robot_of_12_6_kg():
    """Speeds [m/s] at which the transferred energy is the region's, M = 12.6 kg and no payload."""
    speeds = {
        "face": 0.29, "skull": 0.42, "lower leg": 0.42, "chest": 0.77, "thigh": 0.81, "abdomen": 0.94, "back": 0.96,
        "pelvis": 0.98, "upper arm": 1.21, "neck": 1.29, "forearm": 1.31, "hand": 1.34,
    }  # fmt: skip
    assert set(speeds) == set(REGIONS)
    for name, expected in speeds.items():
        region = REGIONS[name]
        assert np.sqrt(2.0 * region.energy / reduced_mass(region.mass, 6.3)) == pytest.approx(expected, abs=0.008)
    limits = speed_limits(12.6, 0.0)[UNCONSTRAINED]
    for body, name in (("L_Shoulder", "upper arm"), ("R_Elbow", "forearm"), ("L_Hip", "thigh"), ("Chest", "chest")):
        assert limits[BODY_INDEX[body]] == pytest.approx(speeds[name], rel=0.05)


@pytest.mark.parametrize("model", ENERGY_MODELS)
def test_every_body_has_limits_and_clamping_is_worse(model):
    limits = energy_limits(model)
    assert limits.shape == (2, len(CONTACT_TYPES), len(BODY_NAMES))
    assert np.isfinite(limits).all() and (limits > 0.0).all()
    assert (limits[CONSTRAINED] <= limits[UNCONSTRAINED]).all()
    assert (limits[:, :, [BODY_INDEX["Head"], BODY_INDEX["Neck"]]] <= 0.11).all()
    for k, name in enumerate(BODY_NAMES):
        if name.startswith("L_"):
            assert (limits[:, :, k] == limits[:, :, BODY_INDEX["R_" + name[2:]]]).all()


def test_bodies_of_the_reference_have_its_figures():
    """Sara-shield's table for its human mujoco_mocap; rows as printed there: link, blunt, wedge, edge, sheet."""
    published = {
        "L_Shoulder": ((1.5, 1.5, 0.5, 0.2, 0.5), (0.01, 1.5, 0.05, 0.02, 0.11)),
        "R_Elbow": ((1.3, 1.3, 2.0, 0.375, 0.9), (0.01, 1.3, 0.05, 0.02, 0.11)),
        "L_Wrist": ((0.49, 0.49, 2.0, 0.375, 0.9), (0.01, 0.49, 0.05, 0.02, 0.11)),
        "R_Hand": ((0.49, 0.49, 2.0, 0.375, 0.9), (0.01, 0.49, 0.05, 0.02, 0.11)),
        "Torso": ((1.6, 1.6, 0.5, 0.2, 0.5), (0.01, 1.6, 0.05, 0.02, 0.11)),
        "Chest": ((1.6, 1.6, 0.5, 0.2, 0.5), (0.01, 1.6, 0.05, 0.02, 0.11)),
        "Head": ((0.11, 0.11, 0.11, 0.11, 0.11), (0.01, 0.11, 0.05, 0.02, 0.11)),
    }
    limits = energy_limits("sara")
    for name, rows in published.items():
        assert limits[:, :, BODY_INDEX[name]].tolist() == [list(row) for row in rows]


def test_what_we_add_to_the_reference_lets_no_shape_hit_harder_than_a_blunt_one():
    limits, strict = energy_limits("sara"), energy_limits("strict")
    ours = [k for k, row in enumerate(BODY_ROWS) if not row.in_reference]
    assert {BODY_NAMES[k] for k in ours} >= {"Pelvis", "L_Hip", "R_Knee", "L_Ankle", "R_Toe", "L_Thorax"}
    assert (limits[UNCONSTRAINED][:, ours] <= limits[UNCONSTRAINED, 1, ours]).all()
    assert (strict[UNCONSTRAINED] <= strict[UNCONSTRAINED, 1]).all()
    assert (strict <= limits).all()


def test_strict_clamping_stays_within_the_quasi_static_force():
    strict = energy_limits("strict")[CONSTRAINED]
    for k, row in enumerate(BODY_ROWS):
        for region in (REGIONS[name] for name in row.regions):
            force = np.sqrt(2000.0 * region.stiffness * strict[:, k].max())
            assert force <= region.force * (1.0 + 1e-9)


def test_speed_limits_press_with_the_force_of_the_most_sensitive_region():
    limits = speed_limits(18.0, 2.0)
    assert limits.shape == (2, len(BODY_NAMES)) and (limits > 0.0).all()
    assert (limits[CONSTRAINED] < limits[UNCONSTRAINED]).all()
    for k, row in enumerate(BODY_ROWS):
        for kind in (UNCONSTRAINED, CONSTRAINED):
            shares = []
            for region in (REGIONS[name] for name in row.regions):
                free = kind == UNCONSTRAINED
                mass = reduced_mass(region.mass, 11.0) if free else 11.0
                force = limits[kind, k] * np.sqrt(mass * 1000.0 * region.stiffness)
                shares.append(force / (transient_force(region) if free else region.force))
            assert max(shares) == pytest.approx(1.0)


def test_heavier_robots_must_be_slower_and_a_payload_counts_in_full():
    assert (speed_limits(20.0, 0.0) < speed_limits(10.0, 0.0)).all()
    assert np.allclose(speed_limits(20.0, 1.0), speed_limits(22.0, 0.0))


def test_a_head_is_never_touched_harder_than_its_lasting_force_allows():
    region = REGIONS["face"]
    head = speed_limits(12.6, 0.0)[UNCONSTRAINED, BODY_INDEX["Head"]]
    assert head == pytest.approx(region.force / np.sqrt(reduced_mass(4.4, 6.3) * 1000.0 * region.stiffness))
    assert 0.5 * reduced_mass(4.4, 6.3) * head**2 < 0.11


def test_bad_choices_are_refused_by_name():
    with pytest.raises(ConfigError, match="strict, sara"):
        energy_limits("speed")
    for masses in ((0.0, 0.0), (-1.0, 0.0), (10.0, -0.1), (np.nan, 0.0)):
        with pytest.raises(ConfigError, match="masses"):
            speed_limits(*masses)
