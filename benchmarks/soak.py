"""The shield under attack for a long time: every adversary against every robot, and a report.

    python benchmarks/soak.py [--cycles N] [--json FILE] [--robots NAMES] [--groups NAMES] [--seed N] [--envs N]
        [--fingers]

Leaves with 1 if anything happened that the shield claims cannot happen. benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from measure import one_thread_for_linear_algebra, print_table

if TYPE_CHECKING:
    from attack import Outcome

HEAD = (
    "robot", "group", "adversary", "cycles", "moving %", "unsafe %", "reached", "contacts", "faults", "fastest mm/s",
    "harm %", "closest mm", "limits", "v a j %", "tracking mm", "torque %", "bumps", "assumptions",
)  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Attack all robots, print and write the report; return the exit code."""
    arguments = _parse(words)
    one_thread_for_linear_algebra()
    from tqdm import tqdm

    from attack import GROUPS, attack
    from hrg_pipeline.engine.threads import available_cores
    from hrg_pipeline.robots.records import ROBOTS

    robots = arguments.robots or sorted(ROBOTS)
    names = arguments.groups or [group.name for group in GROUPS]
    for what, chosen, known in (("robot", robots, sorted(ROBOTS)), ("group", names, [group.name for group in GROUPS])):
        unknown = [name for name in chosen if name not in known]
        if unknown:
            print(f"soak.py: unknown {what} '{unknown[0]}'; there are: {', '.join(known)}", file=sys.stderr)
            return 2
    outcomes: list[Outcome] = []
    seconds: dict[str, float] = {}
    with tqdm(total=arguments.cycles, unit="cycle", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        for robot in robots:
            bar.set_description(robot)
            started = time.perf_counter()
            share = -(-arguments.cycles // len(robots))
            outcomes += attack(
                robot,
                share,
                arguments.seed,
                groups=[group for group in GROUPS if group.name in names],
                fingers=arguments.fingers,
                num_envs=arguments.envs,
                progress=bar.update,
            )
            seconds[robot] = time.perf_counter() - started
            if bar.disable:  # no terminal: a line for each robot instead of a bar
                done = sum(o.cycles for o in outcomes if o.robot == robot)
                print(f"{robot}: {done:,} cycles in {seconds[robot]:.0f} s", file=sys.stderr)
    print_table(HEAD, [_row(outcome) for outcome in outcomes])
    total, contacts = sum(o.cycles for o in outcomes), sum(o.contacts for o in outcomes)
    rate = total / max(sum(o.seconds for o in outcomes), 1e-9) / available_cores()
    print(
        f"\n{total:,} cycles, {contacts:,} contacts, seed {arguments.seed}; {sum(seconds.values()):.0f} s, "
        f"{rate:,.0f} cycles a second and core once compiled"
    )
    faults = [(o, o.faults()) for o in outcomes if o.faults()]
    for outcome, found in faults:
        listed = ", ".join(f"{name}: {n}" for name, n in found.items())
        print(f"FAULT {outcome.robot} {outcome.group} {outcome.adversary}: {listed}; first: {outcome.first_fault}")
    if not faults:
        print("No fault: nobody was touched by a robot that may not move, nor harder than they bear; limits were kept.")
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "cycles": total,
            "contacts": contacts,
            "seed": arguments.seed,
            "cycles_per_s_core": rate,
            "critical_contacts": sum(o.critical for o in outcomes),
            "limit_violations": sum(o.limit_violations for o in outcomes),
            "faults": len(faults),
            "rows": [asdict(o) | {"faults": o.faults()} for o in outcomes],
        }
        # A distance to nobody is infinite, which JSON does not know.
        text = json.dumps(report, indent=2).replace("Infinity", "null")
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 1 if faults else 0


def _row(o: Outcome) -> list[str]:
    values = vars(o)
    cycles = max(values["cycles"], 1)
    broken = [f"{name} {n}" for name, n in values["assumptions"].items() if n]
    return [
        values["robot"],
        values["group"],
        values["adversary"],
        f"{values['cycles']:,}",
        f"{100 * values['moving_cycles'] / cycles:.0f}",
        f"{100 * values['unsafe_cycles'] / cycles:.0f}",
        f"{values['reached']:,}",
        f"{values['contacts']:,}",
        str(sum(o.faults().values())),
        f"{1000 * values['fastest_contact_m_s']:.2f}",
        f"{100 * values['harm_share']:.1f}" if values["mode"] == "PFL" else "-",
        f"{1000 * values['closest_moving_m']:.1f}",
        str(values["limit_violations"]),
        " ".join(f"{100 * share:.0f}" for share in values["shares"]),
        f"{1000 * values['tracking_error_m']:.2f}",
        f"{100 * values['torque_share']:.0f}",
        str(values["bumps"]),
        ", ".join(broken) or "-",
    ]


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=_count, default=10_000_000, help="in all, shared evenly by the robots")
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--robots", type=lambda text: text.split(","), help="some of them, between commas; default all")
    parser.add_argument("--groups", type=lambda text: text.split(","), help="some of them, between commas; default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--envs", type=_count, default=32, help="environments side by side")
    parser.add_argument("--fingers", action="store_true", help="let grippers open and close")
    return parser.parse_args(words)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
