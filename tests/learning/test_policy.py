"""A stored policy stands by itself, and its files can neither run code nor be swapped unnoticed."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch

from hrg_pipeline.datasets import SB3ModelDataset
from hrg_pipeline.envs.spec import EnvSpec, WrapperSpec
from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import Agent
from hrg_pipeline.learning.policy import PolicyFiles, read_policy
from hrg_pipeline.learning.safe_model import CARD
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams

from .test_storage import tiny_training

OBSERVATIONS = np.random.default_rng(3).normal(size=(64, 4)).astype(np.float32)
SPEC = EnvSpec.create(RobotParams(), ReachHumanParams(env_id="ReachHuman")).with_wrapper(
    WrapperSpec(
        name="select_observations",
        entry_point="hrg_pipeline.wrappers.select_observations:SelectObservations",
        kwargs={"keys": ["goal_distance", "robot0_eef_pos"]},
    )
)


def store(folder, agent, spec=SPEC):
    """Write what a run writes: policy, normalisation, spec, manifest with hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    SB3ModelDataset(filepath=str(folder / "policy.zip")).save(agent.model)
    normalisation = agent.normalizer.to_dict() if agent.normalizer else {}
    (folder / "normalisation.json").write_text(json.dumps(normalisation))
    (folder / "wrapped_env_spec.json").write_text(spec.model_dump_json())
    record(folder, spec)
    return folder


def record(folder, spec=SPEC):
    files = {
        name: {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in ("policy.zip", "normalisation.json", "wrapped_env_spec.json")
    }
    manifest = {"spec_sha256": spec.sha256(), "algorithm": "sac", "steps": 64, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def files(folder):
    return PolicyFiles(
        *(folder / name for name in ("policy.zip", "normalisation.json", "wrapped_env_spec.json", "manifest.json"))
    )


def load_network(path):
    with warnings.catch_warnings():
        # torch would rather have torch.export, whose files need Python to be read.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(path))


def repack(path, **members):
    """Write a zip again with other members; None leaves one out."""
    with zipfile.ZipFile(path) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, content in (contents | members).items():
            if content is not None:
                target.writestr(name, content)


@pytest.fixture(scope="module", params=["sac", "ppo"])
def agent(request):
    return tiny_training(request.param, normalize_observations=True).agent


@pytest.fixture(scope="module")
def sac():
    return tiny_training("sac").agent


def test_a_policy_acts_as_its_agent_for_flat_batched_and_named_observations(tmp_path, agent):
    policy = read_policy(files(store(tmp_path, agent)))
    actions = agent.predict(OBSERVATIONS)
    np.testing.assert_array_equal(policy.predict(OBSERVATIONS), actions)
    np.testing.assert_array_equal(policy.predict(OBSERVATIONS[0]), agent.predict(OBSERVATIONS[:1])[0])
    named = {"goal_distance": OBSERVATIONS[:, :1], "robot0_eef_pos": OBSERVATIONS[:, 1:], "other": OBSERVATIONS}
    np.testing.assert_array_equal(policy.predict(named), actions)
    one = {name: values[0] for name, values in named.items()}
    np.testing.assert_array_equal(policy.predict(one), agent.predict(OBSERVATIONS[:1])[0])
    assert policy.spec == SPEC and policy.manifest["steps"] == 64


def test_an_observation_that_does_not_fit_is_refused(tmp_path, sac):
    policy = read_policy(files(store(tmp_path, sac)))
    with pytest.raises(HrgError, match=r"shape \(3,\), expected \(4,\)"):
        policy.predict(np.zeros(3))
    with pytest.raises(HrgError, match=r"lacks the sensors \['robot0_eef_pos'\]"):
        policy.predict({"goal_distance": np.zeros(1)})


def test_optimisers_and_counters_come_back_with_the_model(tmp_path, agent):
    model = read_policy(files(store(tmp_path, agent))).agent.model
    assert model.num_timesteps == agent.model.num_timesteps > 0
    assert model.learning_rate == agent.model.learning_rate and model.n_envs == agent.model.n_envs
    for name, tensors in agent.model.get_parameters().items():
        if name.endswith("optimizer"):
            restored = model.get_parameters()[name]
            for key, state in tensors["state"].items():
                assert torch.equal(restored["state"][key]["exp_avg"], state["exp_avg"])
    if agent.name == "sac":
        assert model.log_ent_coef.item() == agent.model.log_ent_coef.item()
        assert model.train_freq == agent.model.train_freq
    else:
        assert model.clip_range(1.0) == agent.model.clip_range(1.0)


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the file was run')",))


def test_what_is_pickled_in_a_model_file_is_never_run(tmp_path, sac):
    folder = store(tmp_path, sac)
    bomb = base64.b64encode(pickle.dumps(Bomb())).decode()
    data = json.dumps({"policy_class": {":type:": "x", ":serialized:": bomb}})
    repack(folder / "policy.zip", data=data)
    record(folder)
    np.testing.assert_array_equal(read_policy(files(folder)).predict(OBSERVATIONS), sac.predict(OBSERVATIONS))
    SB3ModelDataset(filepath=str(folder / "policy.zip")).load()
    with pytest.raises(SystemExit):  # so the file would have run it
        read_policy_trusting_pickles(folder)


def read_policy_trusting_pickles(folder):
    with zipfile.ZipFile(folder / "policy.zip") as archive:
        card = json.loads(archive.read(CARD))
    card.pop("description")
    repack(folder / "policy.zip", **{CARD: json.dumps(card)})
    record(folder)
    with pytest.raises(IntegrityError, match=r"no description .* say trust=True"):
        read_policy(files(folder))
    read_policy(files(folder), trust=True)


def test_weights_that_are_pickled_code_are_refused(tmp_path, sac):
    folder = store(tmp_path, sac)
    torch.save({"x": Bomb()}, tmp_path / "bomb.pth")
    repack(folder / "policy.zip", **{"policy.pth": (tmp_path / "bomb.pth").read_bytes()})
    record(folder)
    with pytest.raises(IntegrityError, match="holds no sac model as described"):
        read_policy(files(folder))


@pytest.mark.parametrize("name", ["policy.zip", "normalisation.json", "wrapped_env_spec.json"])
def test_a_file_other_than_recorded_is_named(tmp_path, sac, name):
    folder = store(tmp_path, sac)
    with (folder / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(IntegrityError, match=rf"{name}' is not the file that the manifest recorded"):
        read_policy(files(folder))
    (folder / name).unlink()
    with pytest.raises(IntegrityError, match=rf"{name}' is missing"):
        read_policy(files(folder))


def test_wrappers_of_other_packages_are_not_imported(tmp_path, sac):
    foreign = SPEC.with_wrapper(WrapperSpec(name="x", entry_point="antigravity:Flight"))
    folder = store(tmp_path, sac, foreign)
    with pytest.raises(IntegrityError, match=r"asks for \['antigravity:Flight'\]"):
        read_policy(files(folder))


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("attributes", "__class__"), "x", "which no model has"),
        (("policy_kwargs", "features_extractor_class"), "os.system", "which no model has"),
        (("policy_kwargs", "net_arch"), [7, 7], "holds no sac model as described"),
        (("policy_kwargs", "activation_fn"), "os.system", "holds no sac model as described"),
        (("action_space", "low"), ["a", "b"], "holds no sac model as described"),
    ],
)
def test_a_description_of_something_else_is_one_clear_error(tmp_path, sac, where, value, words):
    folder = store(tmp_path, sac)
    with zipfile.ZipFile(folder / "policy.zip") as archive:
        card = json.loads(archive.read(CARD))
    card["description"][where[0]][where[1]] = value
    repack(folder / "policy.zip", **{CARD: json.dumps(card)})
    record(folder)
    with pytest.raises(IntegrityError, match=words):
        read_policy(files(folder))


def test_damaged_files_of_any_kind_are_one_clear_error(tmp_path, sac):
    folder = store(tmp_path, sac)
    rng = np.random.default_rng(0)
    intact = (folder / "policy.zip").read_bytes()
    for _ in range(40):
        damaged = bytearray(intact)
        for place in rng.integers(0, len(damaged), 30):
            damaged[place] = rng.integers(256)
        (folder / "policy.zip").write_bytes(damaged[: int(rng.integers(100, len(damaged)))])
        record(folder)
        with pytest.raises(IntegrityError):
            read_policy(files(folder))
    for text in ("", "[]", "{", '"x"', "[" * 100_000):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(IntegrityError):
            read_policy(files(folder))


def test_torchscript_acts_as_the_policy_without_this_package(tmp_path, agent):
    policy = read_policy(files(store(tmp_path, agent)))
    target = policy.export(tmp_path / "network")
    assert target == tmp_path / "network.pt"
    network = load_network(target)
    with torch.no_grad():
        for batch in (OBSERVATIONS, OBSERVATIONS[:1], 100 * OBSERVATIONS):
            np.testing.assert_allclose(network(torch.from_numpy(batch)).numpy(), policy.predict(batch), atol=1e-6)
    with pytest.raises(HrgError, match="exists already"):
        policy.export(target)
    with pytest.raises(HrgError, match=r"choose one of \['onnx', 'torchscript'\]"):
        policy.export(tmp_path / "network.x", "x")


def test_bounds_of_actions_that_are_not_one_are_inside_the_network(tmp_path, sac):
    model = sac.model
    low, high = model.action_space.low.copy(), model.action_space.high.copy()
    try:
        model.action_space.low[:], model.action_space.high[:] = [-3.0, 0.0], [5.0, 1.0]
        agent = Agent("sac", model)
        policy = read_policy(files(store(tmp_path, agent)))
        network = load_network(policy.export(tmp_path / "network.pt"))
        np.testing.assert_allclose(
            network(torch.from_numpy(OBSERVATIONS)).detach().numpy(), agent.predict(OBSERVATIONS), atol=1e-6
        )
    finally:
        model.action_space.low[:], model.action_space.high[:] = low, high


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_acts_as_the_policy(tmp_path, agent):
    import onnxruntime

    policy = read_policy(files(store(tmp_path, agent)))
    session = onnxruntime.InferenceSession(str(policy.export(tmp_path / "network", "onnx")))
    for batch in (OBSERVATIONS, OBSERVATIONS[:1]):
        (actions,) = session.run(["actions"], {"observations": batch})
        np.testing.assert_allclose(actions, policy.predict(batch), atol=1e-5)
