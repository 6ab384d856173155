"""A policy as one network, from raw observations to actions, for programs without this package."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.sac.policies import SACPolicy
from torch import nn

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.agent import Agent, ObservationNormalizer


class _Normalization(nn.Module):
    """Shift, scale and clip in double precision, as ``ObservationNormalizer`` does."""

    def __init__(self, normalizer: ObservationNormalizer) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("mean", torch.from_numpy(normalizer.mean.copy()))
        self.register_buffer("scale", torch.from_numpy(np.sqrt(normalizer.var + normalizer.epsilon)))
        self.clip = normalizer.clip

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return ((observations.double() - self.mean) / self.scale).clamp(-self.clip, self.clip).float()


class PolicyNetwork(nn.Module):
    """The deterministic policy of an agent: observations (N, k) as the env gives them to actions (N, n), float32.

    Normalisation, squashing and the bounds of the action space are inside.

    Args:
        agent: SAC or PPO.

    Raises:
        HrgError: Its policy has a form that cannot be written as one network.
    """

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        policy: Any = agent.model.policy
        self.normalization = _Normalization(agent.normalizer) if agent.normalizer else nn.Identity()
        if isinstance(policy, SACPolicy):
            self.body = nn.Sequential(policy.actor.latent_pi, policy.actor.mu)
        elif isinstance(policy, ActorCriticPolicy):
            self.body = nn.Sequential(policy.mlp_extractor.policy_net, policy.action_net)
        else:
            raise HrgError(f"policies of class {type(policy).__name__} cannot be exported")
        self.squashes = bool(policy.squash_output)
        self.low: torch.Tensor
        self.high: torch.Tensor
        self.register_buffer("low", torch.from_numpy(policy.action_space.low.copy()))
        self.register_buffer("high", torch.from_numpy(policy.action_space.high.copy()))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Turn observations (N, k) into actions (N, n)."""
        actions: torch.Tensor = self.body(self.normalization(observations))
        if self.squashes:
            return self.low + 0.5 * (torch.tanh(actions) + 1.0) * (self.high - self.low)
        return torch.maximum(torch.minimum(actions, self.high), self.low)


def _save_torchscript(network: PolicyNetwork, example: torch.Tensor, path: Path) -> None:
    trace: Any = torch.jit.trace
    trace(network, example).save(str(path))


def _save_onnx(network: PolicyNetwork, example: torch.Tensor, path: Path) -> None:
    if find_spec("onnx") is None:
        raise HrgError("format=onnx needs the package onnx; install it with: pip install 'hrg_pipeline[onnx]'")
    torch.onnx.export(
        network,
        (example,),
        str(path),
        dynamo=False,
        input_names=["observations"],
        output_names=["actions"],
        dynamic_axes={"observations": {0: "N"}, "actions": {0: "N"}},
    )


FORMATS: dict[str, tuple[str, Callable[[PolicyNetwork, torch.Tensor, Path], None]]] = {
    "torchscript": (".pt", _save_torchscript),
    "onnx": (".onnx", _save_onnx),
}
"""Suffix and writer of each format."""


def export_policy(agent: Agent, path: Path, format: str = "torchscript") -> Path:
    """Write a policy as one network.

    Args:
        agent: The agent; it may live on any device, the file is for the CPU.
        path: File to write; the format's suffix is added where there is none.
        format: A key of ``FORMATS``.

    Returns:
        The file.

    Raises:
        HrgError: There is no such format, it needs a package that is not installed, or the file exists.
    """
    if format not in FORMATS:
        raise HrgError(f"format '{format}' is unknown; choose one of {sorted(FORMATS)}")
    suffix, save = FORMATS[format]
    target = path if path.suffix else path.with_suffix(suffix)
    if target.exists():
        raise HrgError(f"{target} exists already; choose another file")
    target.parent.mkdir(parents=True, exist_ok=True)
    device = agent.model.device
    agent.model.policy.to("cpu")
    part = target.with_name(f".{target.name}.part")
    try:
        network = PolicyNetwork(agent).eval()
        example = torch.zeros((2, *cast(tuple[int, ...], agent.model.observation_space.shape)))
        with torch.no_grad(), warnings.catch_warnings():
            # torch would rather have torch.export, whose files need Python and the same torch to be read.
            warnings.simplefilter("ignore", DeprecationWarning)
            save(network, example, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
        agent.model.policy.to(device)
    return target
