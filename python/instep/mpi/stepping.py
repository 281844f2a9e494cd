"""The steps of an optimizer of a share, in agreement with those of the other processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from instep.gradient_options import GradientOptions, check_grad_scale
from instep.mpi.agreement import Facts, agree
from instep.mpi.channel import Channel
from instep.mpi.conditions import Conditioning, Measured
from instep.mpi.exchange import Exchange
from instep.mpi.facts import count_facts, gradient_facts, option_facts
from instep.mpi.gradients import gradient_of, gradients_of
from instep.mpi.overlap import Overlap
from instep.mpi.plan import Plan
from instep.mpi.preparation import Preparation
from instep.mpi.reduction import How, Reduction
from instep.mpi.runs import by_type
from instep.optimizer import Optimizer
from instep.parameters import Array
from instep.two_points import TwoPointOptimizer


class Stepping:
    """What `Sharded` does at a step."""

    def __init__(
        self, channel: Channel, plan: Plan, share: Optimizer, prepared: Preparation, how: How
    ) -> None:
        self._channel = channel
        self._plan = plan
        self._share = share
        self._params = prepared.params
        self._names = prepared.names
        self._structure = prepared.structure
        self._how = how
        self._overlap = Overlap(channel, plan, self._params, how)
        self.exchange: Exchange = Exchange(channel, plan, self._params, how.bucket_bytes)
        self.last_grad_norm: float | None = None
        self.skipped_steps: int = 0
        # Callables are asked before the processes compare what they will do: the step takes that.
        vars(share)["_scheduled_numbers"] = lambda _: self._asked
        self._asked: list[float] = []

    def reduce(self, param: str | int, grad: Any) -> None:
        """Do what `Sharded.reduce` says."""
        self._channel.check_usable()
        k, array = gradient_of(param, grad, self._params, self._names)
        if k in self._overlap.reduced:
            raise ValueError(
                f"gradient of parameter {self._plan.labels[k]}: expected one for each step, got "
                "another; call step() first"
            )
        self._overlap.add(k, array)

    def step(self, grads: Any, grad_scale: float, options: GradientOptions) -> None:
        """Do what `Sharded.step` says."""
        channel, overlap = self._channel, self._overlap
        channel.check_usable()
        refused: Exception | None = None
        facts: dict[str, Facts] = {}
        given: dict[int, Array] = {}
        reduced = grads is ...
        try:
            scale = check_grad_scale(grad_scale)
            if reduced != bool(overlap.reduced):
                raise TypeError(
                    "step: expected gradients, or calls of reduce() before"
                    if reduced
                    else "step: expected no gradients, as reduce() has got some"
                )
            channel.lane.check_free(overlap)
            if not reduced:
                arrays = gradients_of(grads, self._params, self._names, self._structure)
                given = {k: array for k, array in enumerate(arrays) if array is not None}
            facts = self._facts(overlap.reduced or given, reduced, scale, options)
        except Exception as error:
            refused = error
        stepped = sorted(overlap.reduced or given)
        agree(channel, "step", refused, facts)

        conditioning = Conditioning(channel, self._plan, options, scale)
        with channel.all_of_it():
            means = overlap.finish() if reduced else self._means(given)
            measured = conditioning.measure(means)
        if measured.not_finite is not None:
            self._refuse(measured, skip=options["nonfinite"] == "skip")
            return
        with channel.all_of_it():
            if measured.factor != 1.0:
                conditioning.clip(means, measured.factor)
                scale = 1.0
            self._step_share(means, scale)
            channel.buffers.give_back(*(mean for mean in means if mean is not None))
            self.exchange.gather_params(stepped)
        self.last_grad_norm = measured.norm

    def go_to(self, *, train_mode: bool) -> None:
        """Do what `Sharded.train` and `Sharded.eval` say."""
        channel, share = self._channel, self._share
        channel.check_usable()
        refused = None
        if not isinstance(share, TwoPointOptimizer):
            refused = TypeError(
                f"{type(share).__name__} has one point; train() and eval() are of schedule-free "
                "optimizers"
            )
        agree(channel, f"train_mode={train_mode}", refused, {"counts": self.counts()})
        assert isinstance(share, TwoPointOptimizer)
        with channel.all_of_it():
            (share.train if train_mode else share.eval)()
            self.exchange.gather_params(range(len(self._params)))

    def counts(self) -> Facts:
        """Return how far the optimizer has come."""
        return count_facts(self._share, self._plan.labels, self.skipped_steps)

    def _facts(
        self, given: Collection[int], reduced: bool, grad_scale: float, options: GradientOptions
    ) -> dict[str, Facts]:
        """Return what must be the same on all processes at a step, of which callables are asked."""
        share = self._share
        if not share._train_mode():
            raise RuntimeError(
                "step: expected parameters at the point from which they are stepped, got an "
                "optimizer in eval mode; call its train() first"
            )
        self._asked = type(share)._scheduled_numbers(share, share.steps)
        return {
            "options": {
                **option_facts(share.param_groups, options),
                "what the callables returned": self._asked,
                "grad_scale": grad_scale,
            },
            "counts": self.counts(),
            "gradients": gradient_facts(self._plan.labels, given, reduced=reduced),
        }

    def _means(self, grads: Mapping[int, Array]) -> list[Array | None]:
        reduction = Reduction(self._channel, self._plan, self._params, self._how)
        for line in by_type(self._params, list(grads)):
            reduction.add(line, [grads[k] for k in line])
        return reduction.finish()

    def _step_share(self, means: list[Array | None], grad_scale: float) -> None:
        shares = [share for group in self._share.param_groups for share in group.params]
        self._share.step(
            [
                None if mean is None else mean.reshape(share.shape)
                for mean, share in zip(means, shares, strict=True)
            ],
            grad_scale=grad_scale,
        )

    def _refuse(self, measured: Measured, *, skip: bool) -> None:
        assert measured.not_finite is not None
        if skip:
            self.skipped_steps += 1
            self.last_grad_norm = measured.norm
            return
        k, element = measured.not_finite
        index = tuple(map(int, np.unravel_index(element, self._params[k].shape)))
        raise FloatingPointError(
            f"mean gradient of parameter {self._plan.labels[k]}: expected finite numbers, got one "
            f"that is not at index {index}; nothing was changed"
        )
