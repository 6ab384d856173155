"""The state of a vector env with its wrappers, lane by lane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gymnasium.vector import VectorEnv, VectorWrapper

from hrg_pipeline.errors import IntegrityError

States = list[dict[str, Any]]
"""One entry a layer that holds state, outermost first: ``layer`` (its class) and ``lanes`` (one state each)."""


def get_states(env: VectorEnv[Any, Any, Any]) -> States:
    """Return everything that decides the future of all environments: that of the env and of each wrapper.

    A layer takes part by having ``get_state(i)`` and ``set_state(i, state)`` of its own; a wrapper's are about what
    the wrapper holds, not about what is inside it.

    Args:
        env: vector env, wrapped or not.

    Returns:
        Nested dicts and lists of arrays, numbers and texts; copies.
    """
    return [
        {"layer": type(layer).__name__, "lanes": [layer.get_state(i) for i in range(layer.num_envs)]}
        for layer in _stateful(env)
    ]


def set_states(env: VectorEnv[Any, Any, Any], states: Sequence[dict[str, Any]]) -> None:
    """Put all environments back into states of ``get_states``; they then go on exactly as they did.

    Args:
        env: made from the same specification, with as many lanes.
        states: of ``get_states``.

    Raises:
        IntegrityError: the states are of other layers, or of another number of lanes.
    """
    layers = list(_stateful(env))
    found = [(state["layer"], len(state["lanes"])) for state in states]
    expected = [(type(layer).__name__, layer.num_envs) for layer in layers]
    if found != expected:
        raise IntegrityError(f"stored environment states are of {found}, expected {expected}")
    for layer, state in zip(layers, states, strict=True):
        for i, lane in enumerate(state["lanes"]):
            layer.set_state(i, lane)


def _stateful(env: VectorEnv[Any, Any, Any]) -> Iterator[Any]:
    layer = env
    while True:
        if hasattr(type(layer), "get_state"):
            yield layer
        if not isinstance(layer, VectorWrapper):
            return
        layer = layer.env
