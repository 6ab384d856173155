"""What can be chosen about the learning algorithm."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
LayerSizes = tuple[Count, ...]
"""Units of each hidden layer."""
Device = Literal["auto", "cpu", "cuda"]
Activation = Literal["relu", "tanh", "elu", "leaky_relu", "silu"]


def _with_unit(value: Any) -> Any:
    """Read ``n`` as ``(n, "step")``."""
    return (value, "step") if isinstance(value, int) and not isinstance(value, bool) else value


TrainFrequency = Annotated[tuple[Count, Literal["step", "episode"]], BeforeValidator(_with_unit)]


class SACPolicyParams(BaseModel):
    """Networks of SAC: one actor, ``n_critics`` critics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    net_arch: LayerSizes = (256, 256)
    """Hidden layers of the actor and of each critic."""
    activation_fn: Activation = "relu"
    """Non-linearity between the layers."""
    log_std_init: float = -3.0
    """First value of the log standard deviation (only used with ``use_sde``)."""
    use_expln: bool = False
    """With ``use_sde``: expln instead of exp for a positive standard deviation."""
    clip_mean: Positive = 2.0
    """With ``use_sde``: the mean action is clipped to this before the squashing."""
    n_critics: Count = 2
    """Critics; the smallest estimate is used."""


class PPOPolicyParams(BaseModel):
    """Networks of PPO: actor and value function, one body each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    net_arch: LayerSizes = (64, 64)
    """Hidden layers of the actor and of the value function."""
    activation_fn: Activation = "tanh"
    """Non-linearity between the layers."""
    ortho_init: bool = True
    """Orthogonal first weights."""
    log_std_init: float = 0.0
    """First value of the log standard deviation of the actions."""
    full_std: bool = True
    """With ``use_sde``: one standard deviation per feature and action, not per feature."""
    use_expln: bool = False
    """With ``use_sde``: expln instead of exp for a positive standard deviation."""
    squash_output: bool = False
    """Squash the actions with tanh (needs ``use_sde``)."""


class _CommonParams(BaseModel):
    """What every algorithm has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Literal["MlpPolicy"] = "MlpPolicy"
    """Policy class of stable-baselines3; observations are flat vectors here."""
    learning_rate: Positive = 3e-4
    """Step size of Adam."""
    gamma: Fraction = 0.99
    """Discount per RL step."""
    use_sde: bool = False
    """State-dependent exploration noise instead of fresh noise in every step."""
    sde_sample_freq: int = Field(default=-1, ge=-1)
    """Steps between two draws of that noise; -1: only at the start of a roll-out."""
    normalize_observations: bool = False
    """Shift and scale each observation by its running mean and standard deviation."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seed of networks, exploration and minibatches; follows ``run.seed`` unless set."""
    device: Device = "auto"
    """Where the networks live; auto takes a CUDA device when there is one."""


class SACParams(_CommonParams):
    """Soft actor-critic; argument names of stable-baselines3."""

    name: Literal["sac"] = "sac"
    """Which algorithm this section configures."""
    buffer_size: Count = 1_000_000
    """Transitions the replay buffer keeps; all of it is allocated at the start."""
    learning_starts: int = Field(default=100, ge=0)
    """Transitions collected with random actions before the first gradient step."""
    batch_size: Count = 256
    """Transitions per gradient step."""
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = 0.005
    """Share of the new weights in each update of the target critics."""
    train_freq: TrainFrequency = (1, "step")
    """How much is collected between two updates; a step is one step of ALL environments."""
    gradient_steps: int = Field(default=1, ge=-1)
    """Gradient steps per update; -1: as many as transitions were collected."""
    ent_coef: float | Annotated[str, Field(pattern=r"^auto(_\d*\.?\d+)?$")] = "auto"
    """Weight of the entropy: a number, ``auto`` (learned), or ``auto_0.2`` (learned, from 0.2)."""
    target_update_interval: Count = 1
    """Gradient steps between two updates of the target critics."""
    target_entropy: float | Literal["auto"] = "auto"
    """Entropy that a learned weight aims for; auto: minus the number of actions."""
    use_sde_at_warmup: bool = False
    """State-dependent noise instead of uniform actions before learning starts."""
    policy_kwargs: SACPolicyParams = SACPolicyParams()


class PPOParams(_CommonParams):
    """Proximal policy optimisation; argument names of stable-baselines3."""

    name: Literal["ppo"] = "ppo"
    """Which algorithm this section configures."""
    n_steps: Count = 2048
    """Steps of each environment per roll-out."""
    batch_size: Count = 64
    """Transitions per gradient step."""
    n_epochs: Count = 10
    """Passes over a roll-out."""
    gae_lambda: Fraction = 0.95
    """Bias against variance of the advantage estimate; 1: Monte Carlo."""
    clip_range: Positive = 0.2
    """Largest change of an action's probability ratio that is rewarded."""
    clip_range_vf: Positive | None = None
    """Same for the value function; null: not clipped."""
    normalize_advantage: bool = True
    """Scale the advantages of a minibatch to mean 0 and standard deviation 1."""
    ent_coef: NonNegative = 0.0
    """Weight of the entropy in the loss."""
    vf_coef: NonNegative = 0.5
    """Weight of the value function in the loss."""
    max_grad_norm: Positive = 0.5
    """Gradients are scaled down to this norm."""
    target_kl: Positive | None = None
    """Stop an update when the policy moved further than this; null: never."""
    policy_kwargs: PPOPolicyParams = PPOPolicyParams()

    @model_validator(mode="after")
    def _squashing_needs_sde(self) -> Self:
        if self.policy_kwargs.squash_output and not self.use_sde:
            raise ValueError("policy_kwargs.squash_output=true needs use_sde=true")
        return self


AlgorithmParams = Annotated[SACParams | PPOParams, Field(discriminator="name")]
"""One of the algorithms, told apart by ``name``."""
