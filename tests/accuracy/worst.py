"""Print, as docs/accuracy.md has it, how close to its bound each array of each rule has come.

``python -m tests.accuracy.worst --elements 40``
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from instep.optimizers import class_of
from tests.accuracy.check import Worst, worst_of
from tests.accuracy.inputs import FAMILIES
from tests.accuracy.rules import RULES
from tests.cases import CASES, DTYPES, Case

STEPS = (1, 2, 10, 1000, 10**6, 2**31 + 1)


def form(case: Case) -> str:
    """Return the rule with the options that change its bounds."""
    options = case.options
    names = [class_of(case.rule).__name__]
    names += ["AMSGrad"] * ("max_exp_avg_sq" in case.states)
    names += ["centered"] * ("grad_avg" in case.states)
    names += ["momentum"] * ("momentum_buffer" in case.states and not options.get("nesterov"))
    names += ["Nesterov"] * bool(options.get("nesterov"))
    decoupled = "decoupled " if options.get("decoupled_weight_decay") else ""
    names += [f"{decoupled}weight decay"] * bool(options.get("weight_decay"))
    return ", ".join(names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=10, help="per family, case and dtype")
    elements = parser.parse_args().elements
    rows: dict[tuple[str, str], dict[str, Worst]] = defaultdict(lambda: defaultdict(Worst))
    for position, case in enumerate(case for case in CASES if case.rule in RULES):
        for dtype in DTYPES:
            rng = np.random.default_rng(position)
            for number, (title, family) in enumerate(FAMILIES.items()):
                with np.errstate(all="ignore"):
                    arrays = family(case, dtype, rng, elements)
                step = STEPS[(number + position) % len(STEPS)]
                for name, worst in worst_of(case, arrays, step).items():
                    update = name == "param" and title == "from zero"
                    array = f"`{name}`, from 0" if update else f"`{name}`"
                    rows[form(case), array][str(dtype)] += worst
    print("| rule | array | float32 | float64 | elements | no bound |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for (rule, name), worst_by_dtype in sorted(rows.items()):
        total = sum(worst_by_dtype.values(), Worst())
        ratios = " | ".join(f"{worst_by_dtype[str(dtype)].ratio:.2f}" for dtype in DTYPES)
        print(f"| {rule} | {name} | {ratios} | {total.elements:,} | {total.without_bound:,} |")


if __name__ == "__main__":
    main()
