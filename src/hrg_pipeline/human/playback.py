"""The person's own clock: runs on, goes back and forth in a loop while they wait, gives way, halts at the end.

Three times are told apart. The linear time t passes at the pace of the person. Without loops the time in the clip x
is the same; in a loop x follows m(t) = anchor + sum_k A_k sin((t - anchor) S_k / A_k), and from the release on it is
t less the delay that has come together until then, so that it never jumps.

How the bounds of speed and acceleration stay valid: a change of the rate r = dx/dt is never sudden. Joint j at time x
of the clip moves at v_j(x) r and accelerates by at most a_j(x) r² + v_j(x) |dr/dt|. The largest shares of the bounds
that a clip needs, as a whole and within the window of each loop, are measured when the library is built
(``derivatives.bound_shares``). From them ``perturbed_loop`` scales the speeds of a loop down until its motion keeps
the bounds, and both it and ``tempo_of`` give the fastest change of rate that does so while the loop is entered and
left. A person may also give way: that pace changes by up to 10 per second and is not part of the proof.
"""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human.body import FloatArray, IntArray
from hrg_pipeline.human.clip import Loop
from hrg_pipeline.human.derivatives import ACCELERATION_SHARE, PACE_CHANGE_SHARE, SPEED_SHARE
from hrg_pipeline.physics.jit import kernel

TIME, PACE, WAITED, LINEAR, RATE, PHASE, FLOW, FLOW_CHANGE = range(8)
"""Columns of a clock: time in the clip x [s], pace (1 is as planned; from giving way), time waited (negative: stepping
back) [s], linear time t [s], dx/dt, time in the loop t - anchor [s]; seconds of the clip per second in the last cycle,
and the change of that per second [1/s]."""
CLOCK_SIZE = 8
NEVER, WANTED, LOOPING = -1, 0, 1
"""A stage holds the index of the loop that is wanted, or ``NEVER``; and whether it is being played."""
TEMPO, RATE_CHANGE, SCALE, BUILD = range(4)
"""Columns of a person: linear time per second at pace 1, fastest change of the rate outside loops [1/s], stature over
that of the model, factor of girth."""
PERSON_SIZE = 4
MAX_LOOPS, MAX_TERMS = 6, 4
ANCHOR, WINDOW, LOOP_CHANGE, RATE_CAP = range(4)
"""Columns of a loop before its amplitudes and speeds: anchor [s], farthest from it [s], fastest change of the rate
there [1/s], largest rate."""
LOOP_SIZE = 4 + 2 * MAX_TERMS
CATCH_UP_S = 0.15
"""What a loop was entered late by is made up for in about this time."""
_RESERVE = 0.99
_FASTEST_CHANGE = 50.0
_TINY = 1e-12
_BRAKING = 1.6  # twice the change of rate, less a fifth


@kernel
def new_clock(clock: FloatArray, stage: IntArray, tempo: float) -> None:
    """Set the clock to the start of the clip, with no loop wanted."""
    clock[:] = 0.0
    clock[PACE], clock[RATE], clock[FLOW] = 1.0, 1.0, tempo
    stage[0], stage[1] = NEVER, 0


@kernel
def advance_clock(
    clock: FloatArray, stage: IntArray, loops: FloatArray, person: FloatArray, length_s: float, step_s: float
) -> None:
    """Let time pass at the clock's present pace.

    Args:
        clock: (CLOCK_SIZE,) columns ``TIME``...; updated. The pace is given.
        stage: (2,) loop that is wanted or ``NEVER``, whether it is played; updated.
        loops: (MAX_LOOPS, LOOP_SIZE) from ``perturbed_loop``.
        person: (PERSON_SIZE,) tempo and fastest change of rate.
        length_s: duration of the clip; its end is held [s].
        step_s: time that passes [s].
    """
    dt = step_s * person[TEMPO] * clock[PACE]
    clock[LINEAR] += dt
    x, wanted = clock[TIME], 1.0
    change, cap = person[RATE_CHANGE], 1.0
    if stage[0] == NEVER or clock[WAITED] < 0.0:  # who steps back leaves the loop, and finds it again afterwards
        stage[1] = 0
    else:
        loop = loops[stage[0]]
        if stage[1] == 0 and x >= loop[ANCHOR]:
            stage[1], clock[PHASE] = LOOPING, x - loop[ANCHOR]
        if stage[1] == LOOPING:
            before = loop_offset(loop, clock[PHASE])
            clock[PHASE] += dt
            late = before - (x - loop[ANCHOR])
            if dt > _TINY:
                wanted = (loop_offset(loop, clock[PHASE]) - before) / dt + late / CATCH_UP_S
            else:
                wanted = clock[RATE]
    for k in range(MAX_LOOPS):
        loop = loops[k]
        ahead = loop[ANCHOR] - x if clock[RATE] * dt < 0.0 else x - loop[ANCHOR]
        if abs(ahead) < loop[WINDOW]:
            change = loop[LOOP_CHANGE]
            # Whoever leaves the window must do so at a rate that is allowed outside.
            cap = min(loop[RATE_CAP], math.sqrt(1.0 + _BRAKING * change * (loop[WINDOW] - ahead)))
    wanted = min(max(wanted, -cap), cap)
    most = change * abs(dt)
    rate = clock[RATE] + min(max(wanted - clock[RATE], -most), most)
    clock[RATE] = min(max(rate, -cap), cap)
    clock[TIME] = min(max(x + clock[RATE] * dt, 0.0), length_s)
    flow = (clock[TIME] - x) / step_s
    clock[FLOW_CHANGE] = (flow - clock[FLOW]) / step_s
    clock[FLOW] = flow


@kernel
def loop_offset(loop: FloatArray, phase_s: float) -> float:
    """Time from a loop's anchor, sum of A_k sin(phase S_k / A_k) [s]."""
    total = 0.0
    for k in range(MAX_TERMS):
        amplitude = loop[4 + k]
        if amplitude > 0.0:
            total += amplitude * math.sin(phase_s * loop[4 + MAX_TERMS + k] / amplitude)
    return total


def tempo_of(shares: FloatArray, scale: float, share_max: float) -> tuple[float, float]:
    """How fast a clip may be played by a person of another size.

    All lengths scale, so speeds and accelerations do.

    Args:
        shares: (3,) of the bounds, from ``bound_shares``.
        scale: stature over the one that the shares were measured for.
        share_max: share of the bound of acceleration that the motion itself may use; what is left serves changes of
            the rate.

    Returns:
        Linear time per second, at most 1, and the fastest change of the rate [1/s, in linear time].
    """
    fastest = 1.0 / max(scale * shares[SPEED_SHARE], _TINY)
    smoothest = math.sqrt(share_max / max(scale * shares[ACCELERATION_SHARE], _TINY))
    tempo = min(1.0, fastest, smoothest)
    return tempo, _change_left(shares, scale * tempo * tempo, 1.0)


def _change_left(shares: FloatArray, weight: float, rate: float) -> float:
    """Fastest change of a rate up to ``rate`` that keeps the bounds of acceleration."""
    left = max(0.0, 1.0 / weight - float(shares[ACCELERATION_SHARE]) * rate * rate)
    return float(min(_RESERVE * left / max(float(shares[PACE_CHANGE_SHARE]), _TINY), _FASTEST_CHANGE))


def perturbed_loop(
    loop: Loop, amplitude_factors: FloatArray, speed_factors: FloatArray, shares: FloatArray, scale: float, tempo: float
) -> FloatArray:
    """Parameters of one episode's loop.

    Args:
        loop: as it stands in the clip.
        amplitude_factors: (k,) factors of its amplitudes.
        speed_factors: (k,) factors of its speeds. The speeds are scaled down together where the bounds want it.
        shares: (3,) of the bounds within the widest window of the loop, from ``bound_shares``.
        scale: stature over the one that the shares were measured for.
        tempo: linear time per second.

    Returns:
        (LOOP_SIZE,) what ``advance_clock`` takes.
    """
    out = np.zeros(LOOP_SIZE)
    count = len(loop.speeds)
    amplitudes = np.array(loop.amplitudes_s) * amplitude_factors
    speeds = np.array(loop.speeds) * speed_factors
    rate, change = float(np.abs(speeds).sum()), float((speeds**2 / amplitudes).sum())
    weight = scale * tempo * tempo
    slower = min(
        1.0,
        _RESERVE / max(scale * tempo * float(shares[SPEED_SHARE]) * rate, _TINY),
        math.sqrt(
            _RESERVE
            / max(
                weight * (float(shares[ACCELERATION_SHARE]) * rate**2 + float(shares[PACE_CHANGE_SHARE]) * change),
                _TINY,
            )
        ),
        # The loop must also keep its course while the rate is still that of the motion before.
        math.sqrt(max(_change_left(shares, weight, 1.0), _TINY) / change) if change > 0.0 else 1.0,
    )
    cap = max(1.0, slower * rate)
    out[ANCHOR], out[WINDOW] = loop.anchor_s, amplitudes.sum()
    out[LOOP_CHANGE], out[RATE_CAP] = max(_change_left(shares, weight, cap), slower**2 * change), cap
    out[4 : 4 + count] = amplitudes
    out[4 + MAX_TERMS : 4 + MAX_TERMS + count] = slower * speeds
    return out
