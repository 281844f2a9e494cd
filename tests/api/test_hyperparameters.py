"""Hyperparameters: their ranges, how they are read and set, which of them are fixed."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import instep
from instep.hyperparameters import Betas, Numbers
from instep.numbers import AT_LEAST_0, BETWEEN_0_AND_1, FINITE_AT_LEAST_1
from tests.api.model import (
    DEFAULTS,
    Model,
    Options,
    each_class,
    each_variant,
    make,
    random_arrays,
    refused,
)

ALL = list(DEFAULTS)
WITH_DECAY = [name for name in ALL if "weight_decay" in DEFAULTS[name]]
WITH_EITHER_DECAY = [name for name in ALL if "decoupled_weight_decay" in DEFAULTS[name]]
WITH_BETAS = [name for name in ALL if len(DEFAULTS[name].get("betas", ())) == 2]
WITH_THREE_BETAS = [name for name in ALL if len(DEFAULTS[name].get("betas", ())) == 3]
DIVIDES_BY_BETA = "ScheduleFreeAdamW"
WITH_EPS = [name for name in ALL if isinstance(DEFAULTS[name].get("eps"), float)]
TINY = 5e-324

# Hyperparameter, the classes that have it, values in its range, values outside.
RANGES: list[tuple[str, list[str], list[Any], list[Any]]] = [
    ("lr", ALL, [TINY, 1e308, math.inf], [-TINY, -1.0, -math.inf, math.nan]),
    ("lr", [name for name in ALL if name != "FTRL"], [0.0], []),
    ("lr", ["FTRL"], [], [0.0]),
    ("weight_decay", WITH_DECAY, [0.0, 1.0, 1e308], [-TINY, -math.inf, math.nan]),
    ("eps", WITH_EPS, [0.0, TINY, 1.0], [-TINY, -1.0, math.nan]),
    (
        "betas",
        WITH_BETAS,
        [(TINY, 0.0), (1.0 - 2**-53, 0.5), (0.5, 1.0 - 2**-53)],
        [(1.0, 0.5), (0.5, 1.0), (-TINY, 0.5), (0.5, -TINY), (math.nan, 0.5), (0.5, math.nan)],
    ),
    ("alpha", ["RMSprop", "ASGD", "AdEMAMix"], [0.0, 1.0, 2.0], [-TINY, math.nan]),
    ("lambd", ["ASGD"], [0.0, 1.0], [-TINY, math.nan]),
    ("t0", ["ASGD"], [-1.0, 0.0, math.inf], [math.nan]),
    ("momentum_decay", ["NAdam"], [0.0, 1.0], [-TINY, math.nan]),
    ("betas", [name for name in WITH_BETAS if name != DIVIDES_BY_BETA], [(0.0, 0.0)], [(1.0, 0.0)]),
    ("betas", [DIVIDES_BY_BETA], [(0.5, 0.0)], [(0.0, 0.5)]),
    ("rho", ["Adadelta"], [0.0, 1.0], [-TINY, 1.0 + 2**-52, math.nan]),
    *(
        (key, ["ScheduleFreeSGD", "ScheduleFreeAdamW"], good, bad)
        for key, good, bad in [
            ("warmup_steps", [0.0, 0.5, 1000.0], [-TINY, math.nan]),
            ("r", [-1.0, 0.0, 0.5], [math.nan]),
            ("weight_lr_power", [-1.0, 0.0, 2.5], [math.nan]),
        ]
    ),
    ("momentum", ["ScheduleFreeSGD"], [TINY, 1.0 - 2**-53], [0.0, 1.0, -TINY, math.nan]),
    ("momentum", ["SGD", "LARS", "RMSprop"], [0.0, TINY, 1.0, 2.0], [-TINY, math.nan]),
    ("dampening", ["SGD", "LARS"], [-1.0, 0.0, 1.0, 2.0], [math.nan]),
    ("trust_coeff", ["LARS"], [0.0, 2.0], [-TINY, math.nan]),
    ("lr_decay", ["Adagrad"], [0.0, 1.0], [-TINY, math.nan]),
    ("beta2_decay", ["Adafactor"], [-math.inf, -0.5, 0.0], [TINY, 0.8, math.nan]),
    ("d", ["Adafactor"], [1.0, math.inf], [1.0 - 2**-53, 0.0, -1.0, math.nan]),
    (
        "eps",
        ["Adafactor"],
        [(TINY, 0.0), (None, 0.0), (0.0, 1.0)],
        [(-TINY, 0.0), (None, -TINY), (math.nan, 0.0), (0.0, math.nan)],
    ),
    (
        "betas",
        WITH_THREE_BETAS,
        [(0.0, 0.0, 0.0), (0.5, 0.5, 1.0 - 2**-53)],
        [(0.5, 0.5, 1.0), (0.5, 0.5, -TINY), (0.5, 0.5, math.nan)],
    ),
    ("beta3_warmup", ["AdEMAMix"], [None, 0.0, 10, math.inf], [-TINY, math.nan]),
    ("alpha_warmup", ["AdEMAMix"], [None, 0.0, 10, math.inf], [-TINY, math.nan]),
    ("beta", ["FTRL"], [0.0, 1.0], [-TINY, math.nan]),
    ("l1", ["FTRL"], [0.0, 1.0, math.inf], [-TINY, math.nan]),
    ("l2", ["FTRL"], [0.0, 1.0], [-TINY, math.nan]),
    (
        "initial_accumulator_value",
        ["RMSprop", "Adagrad", "RowwiseAdagrad", "FTRL"],
        [0.0, 1.0],
        [-TINY, math.nan],
    ),
    (
        "etas",
        ["Rprop"],
        [(TINY, 1.0 + 2**-52), (1.0 - 2**-53, math.inf)],
        [(0.0, 1.5), (1.0, 1.5), (0.5, 1.0), (0.5, 0.5), (math.nan, 1.5), (0.5, math.nan)],
    ),
    (
        "step_sizes",
        ["Rprop"],
        [(0.0, 0.0), (TINY, math.inf), (1.0, 0.5)],
        [(-TINY, 1.0), (0.0, -TINY), (math.nan, 1.0), (0.0, math.nan)],
    ),
]


def is_of_tuples(values: list[Any]) -> bool:
    return bool(values) and isinstance(values[0], tuple)


TUPLES = [(key, names, good[0]) for key, names, good, _ in RANGES if is_of_tuples(good)]
"""Those that are tuples, with one of them."""


def no_tuples(one: tuple[float, ...]) -> list[Any]:
    return [0.9, None, "a" * len(one), (*one[:-1], "0.9"), (*one[:-1], None), set(one)]


def of_other_lengths(one: tuple[float, ...]) -> list[Any]:
    return [one[:-1], (*one, one[-1]), ()]


NO_FLAGS: list[Any] = ["yes", None, 0, 1.0, [True], np.ones(1, bool)]
NO_NUMBERS: list[Any] = [
    "0.1",
    None,
    True,
    np.True_,
    1j,
    np.complex128(1.0),
    [0.1],
    {},
    np.ones(1),
    np.ones(2),
    np.array("0.1"),
    np.array(True),
    np.array(1j),
]


def no_numbers(good: list[Any]) -> list[Any]:
    return [value for value in NO_NUMBERS if value is not None or None not in good]


# Hyperparameter, the classes that have it, values that are no numbers (or pairs, or booleans).
TYPES: list[tuple[str, list[str], list[Any]]] = [
    *((key, names, no_numbers(good)) for key, names, good, _ in RANGES if not is_of_tuples(good)),
    *((key, names, no_tuples(one)) for key, names, one in TUPLES),
    ("maximize", ALL, NO_FLAGS),
    ("no_prox", ["Adan"], NO_FLAGS),
    ("amsgrad", ["Adam", "AdamW"], NO_FLAGS),
    ("decoupled_weight_decay", WITH_EITHER_DECAY, NO_FLAGS),
    ("bias_correction", ["Adam", "LAMB"], NO_FLAGS),
    ("eps_hat", ["Adam"], NO_FLAGS),
    ("nesterov", ["SGD", "LARS"], NO_FLAGS),
    ("trust_clip", ["LARS", "LAMB"], NO_FLAGS),
    ("always_adapt", ["LARS", "LAMB"], NO_FLAGS),
    ("grad_averaging", ["LAMB"], NO_FLAGS),
    ("centered", ["RMSprop"], NO_FLAGS),
    ("eps_inside_sqrt", ["RMSprop", "Adagrad"], NO_FLAGS),
]

VALID = [(name, key, value) for key, names, good, _ in RANGES for name in names for value in good]
REFUSED = [
    (name, key, value, error)
    for key, names, values, error in [
        *((key, names, bad, ValueError) for key, names, _, bad in RANGES),
        *((key, names, bad, TypeError) for key, names, bad in TYPES),
        *(
            (key, names, of_other_lengths(one), (TypeError, ValueError))
            for key, names, one in TUPLES
        ),
    ]
    for name in names
    for value in values
]
FEW_REFUSED = [
    next(alike) for _, alike in itertools.groupby(REFUSED, lambda case: (*case[:2], case[3]))
]
"""Of each hyperparameter of each class one value for each kind of error."""
FIXED = {"amsgrad", "centered", "nesterov", "initial_accumulator_value"}


@each_class
def test_what_each_hyperparameter_may_be_is_in_the_tables(name: str) -> None:
    told = {key for key, names, *_ in (*RANGES, *TYPES) if name in names}
    assert told == set(DEFAULTS[name])


@pytest.mark.parametrize(("name", "key", "value"), VALID)
def test_values_in_range(name: str, key: str, value: Any) -> None:
    optimizer = make(name, np.ones(2), **{key: value})
    assert getattr(optimizer, key) == value
    assert optimizer.param_groups[0][key] == value


@pytest.mark.parametrize(("name", "key", "value", "error"), REFUSED)
def test_values_that_construction_refuses(
    name: str, key: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=key.removesuffix("s")):
        make(name, np.ones(2), **{key: value})


@pytest.mark.parametrize(
    ("name", "key", "value", "error"), [case for case in FEW_REFUSED if case[1] not in FIXED]
)
def test_values_that_setting_refuses(
    name: str, key: str, value: Any, error: type[Exception]
) -> None:
    fixed = {"momentum": 0.5} if key == "momentum" else {}
    optimizer = make(name, [{"params": [np.ones(2)]}, {"params": [np.ones(3)]}], **fixed)
    says = key.removesuffix("s")
    with refused(error, says, optimizer):
        setattr(optimizer, key, value)
    with refused(error, says, optimizer):
        optimizer.param_groups[1][key] = value
    with refused(error, says, optimizer):
        optimizer.param_groups[1].update({"maximize": True, key: value})


@pytest.mark.parametrize(
    "number", [1, np.float32(0.5), np.float64(0.5), np.int64(1), np.array(0.5)]
)
def test_any_real_number_is_taken_as_a_float(number: Any) -> None:
    optimizer = make("SGD", np.ones(2), lr=number)
    assert type(optimizer.lr) is float
    assert optimizer.lr == float(number)


CHANGES: list[tuple[str, Options, str, Any]] = [
    ("SGD", {}, "weight_decay", 0.5),
    ("SGD", {}, "maximize", True),
    ("SGD", {"momentum": 0.9}, "momentum", 0.25),
    ("SGD", {"momentum": 0.9}, "dampening", 0.25),
    ("Adam", {}, "betas", (0.25, 0.5)),
    ("Adam", {}, "eps", 0.5),
    ("Adam", {"weight_decay": 0.5}, "decoupled_weight_decay", True),
    ("Adam", {}, "bias_correction", False),
    ("Adam", {"eps": 0.5}, "eps_hat", True),
    ("RMSprop", {}, "alpha", 0.25),
    ("RMSprop", {"momentum": 0.9}, "momentum", 0.25),
    ("RMSprop", {"eps": 0.5}, "eps_inside_sqrt", True),
    ("Adagrad", {}, "lr_decay", 0.5),
    ("Adagrad", {"eps": 0.5}, "eps_inside_sqrt", True),
    ("Adadelta", {}, "rho", 0.25),
    ("Rprop", {}, "etas", (0.25, 1.5)),
    ("Rprop", {}, "step_sizes", (0.25, 0.5)),
    # Rprop begins at it, and never looks at it again.
    *((name, {}, "lr", 0.25) for name in ALL if name != "Rprop"),
]
"""Class, options, and what is changed after two steps."""


@pytest.mark.parametrize("how", ["attribute", "group", "update", "setdefault", "|="])
@pytest.mark.parametrize(("name", "options", "key", "value"), CHANGES)
def test_changes_take_effect_at_the_next_step(
    name: str, options: Options, key: str, value: Any, how: str
) -> None:
    params = random_arrays([np.empty(3), np.empty(2, np.float32)], seed=5)
    model = Model(name, params[:1], **options)
    model.add_group(params[1:], **options)
    optimizer = make(name, [{"params": [param]} for param in params], **options)
    unchanged = Model(name, params, **options)
    group = optimizer.param_groups[1]
    for seed in range(4):
        if seed == 2:
            match how:
                case "attribute":
                    setattr(optimizer, key, value)
                    model.groups[0][key] = value
                    model.groups[1][key] = value
                case "group":
                    group[key] = value
                    model.groups[1][key] = value
                case "update":
                    group.update({key: value})
                    model.groups[1][key] = value
                case "|=":
                    group |= {key: value}
                    model.groups[1][key] = value
                case "setdefault":
                    assert group.setdefault(key, value) == unchanged.groups[0][key]
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
        unchanged.step(grads)
        model.assert_equals(optimizer)
    if how != "setdefault":
        with pytest.raises(AssertionError):
            unchanged.assert_equals(optimizer)


@each_class
def test_reading_needs_agreement_of_the_groups(name: str) -> None:
    optimizer = make(
        name, [{"params": [np.ones(2)], "lr": 0.25}, {"params": [np.ones(3)], "lr": 0.5}]
    )
    with pytest.raises(ValueError, match=r"lr.*0\.25.*0\.5"):
        _ = optimizer.lr
    assert optimizer.maximize is False
    optimizer.lr = 0.125
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]
    assert optimizer.lr == 0.125


def test_update_is_all_or_nothing() -> None:
    optimizer = instep.Adam([np.ones(2), np.ones(3)])
    group = optimizer.param_groups[0]
    wrong: list[Options] = [{"eps": -1.0}, {"colour": 1}, {"amsgrad": True}, {"params": []}]
    for bad in wrong:
        with refused((ValueError, KeyError), next(iter(bad)), optimizer):
            group.update({"lr": 0.5, "betas": (0.5, 0.5), **bad})
        with refused((ValueError, KeyError), next(iter(bad)), optimizer):
            group.update({**bad, "lr": 0.5})
    group.update([("lr", 0.5)], eps=0.25)
    assert (group["lr"], group["eps"]) == (0.5, 0.25)


@each_class
def test_groups_keep_their_keys(name: str) -> None:
    optimizer = make(name, [np.ones(2)])
    group = optimizer.param_groups[0]
    keys = set(group)
    assert keys >= {"params", *DEFAULTS[name]}
    assert len(group) == len(keys)
    with refused(TypeError, "lr.*deleted", optimizer):
        del group["lr"]
    with refused(TypeError, "lr.*deleted", optimizer):
        group.pop("lr")
    with refused(TypeError, "deleted", optimizer):
        group.popitem()
    with refused(TypeError, "deleted", optimizer):
        group.clear()
    with refused(KeyError, "colour", optimizer):
        group["colour"] = 1.0
    with refused(KeyError, "colour", optimizer):
        group.setdefault("colour", 1.0)
    with refused(ValueError, "params", optimizer):
        group["params"] = [np.ones(2)]
    with pytest.raises(KeyError, match="colour"):
        group["colour"]
    assert "colour" not in group
    assert set(group) == keys


@each_class
def test_unknown_attributes_are_refused(name: str) -> None:
    optimizer = make(name, [np.ones(2)])
    with pytest.raises(AttributeError, match="colour"):
        _ = optimizer.colour
    with refused(AttributeError, "param_groups", optimizer):
        optimizer.param_groups = []
    with refused(
        AttributeError, f"^{name} has no attribute 'colour'; to set there are lr, ", optimizer
    ):
        optimizer.colour = 1.0
    assert "colour" not in vars(optimizer)


# What users write, and what they are asked whether they mean it.
NEAREST = [
    ("Adam", "learning_rate", "lr"),
    ("Adam", "LR", "lr"),
    ("Adam", "weight_decays", "weight_decay"),
    ("Adam", "wd", "weight_decay"),
    ("Adam", "beta1", "betas"),
    ("Adam", "epsilon", "eps"),
    ("SGD", "nestrov", "nesterov"),
    ("RMSprop", "clipnorm", "clip_norm"),
]


@pytest.mark.parametrize(("name", "written", "meant"), NEAREST)
def test_a_wrong_name_is_refused_with_the_nearest(name: str, written: str, meant: str) -> None:
    optimizer = make(name, [np.ones(2)])
    asked = f"{written}' \\(did you mean '{meant}'"
    with refused(AttributeError, asked, optimizer):
        setattr(optimizer, written, 0.5)
    with pytest.raises(TypeError, match=asked):
        make(name, [np.ones(2)], **{written: 0.5})
    if not meant.startswith("clip"):
        with refused(
            KeyError,
            f"{written}' is no hyperparameter of {name} \\(did you mean '{meant}'",
            optimizer,
        ):
            optimizer.param_groups[0][written] = 0.5


class Declared:
    """A class that has what no optimizer of the library has."""

    betas: Betas[tuple[float, float, float]] = Betas(3)
    etas: Numbers[tuple[float, float]] = Numbers(
        {"etaminus": BETWEEN_0_AND_1, "etaplus": FINITE_AT_LEAST_1}
    )
    floors: Numbers[tuple[float | None, float]] = Numbers(
        {"floor1": AT_LEAST_0, "floor2": AT_LEAST_0}, may_be_none={"floor1"}
    )


@pytest.mark.parametrize(
    ("declared", "value", "numbers"),
    [
        (Declared.betas, (0.9, 0.92, 0.99), {"beta1": 0.9, "beta2": 0.92, "beta3": 0.99}),
        (Declared.etas, (0.5, 1.25), {"etaminus": 0.5, "etaplus": 1.25}),
        (Declared.floors, (0.5, 0.25), {"floor1": 0.5, "floor2": 0.25}),
        (Declared.floors, (None, 0.25), {"floor1": math.nan, "floor2": 0.25}),
    ],
)
def test_a_tuple_stands_for_several_of_the_cores_options(
    declared: Numbers[Any], value: tuple[float, ...], numbers: dict[str, float]
) -> None:
    assert declared.check(list(value)) == value
    assert declared.parts(value) == dict(zip(numbers, value, strict=True))
    assert declared.decode(list(numbers.values())) == value
    assert declared.encode(value) == pytest.approx(numbers, abs=0, rel=0, nan_ok=True)
    for (name, check), part in zip(declared.numbers().items(), value, strict=True):
        assert check.convert(part) == pytest.approx(numbers[name], abs=0, rel=0, nan_ok=True)


@pytest.mark.parametrize(
    ("declared", "value", "error", "match"),
    [
        (Declared.betas, (0.9, 0.99), ValueError, "^betas: expected 3 numbers, got 2"),
        (Declared.betas, 0.9, TypeError, "^betas: expected 3 numbers, got 0.9"),
        (Declared.betas, (0.9, 0.99, 1.0), ValueError, r"^betas\[2\]: expected a number in \[0, 1"),
        (Declared.etas, (1.0, 1.25), ValueError, r"^etas\[0\]: expected a number in \(0, 1\)"),
        (Declared.etas, (0.5, 0.5), ValueError, r"^etas\[1\]: expected .* of at least 1"),
        (Declared.etas, (None, 1.25), TypeError, r"^etas\[0\]: expected a number, got None"),
        (Declared.floors, (0.5, None), TypeError, r"^floors\[1\]: expected a number, got None"),
        (Declared.floors, (-1.0, 0.25), ValueError, r"^floors\[0\]: expected .* of at least 0"),
    ],
)
def test_each_number_of_a_tuple_has_its_range(
    declared: Numbers[Any], value: Any, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        declared.check(value)


def test_classes_of_users_may_have_more_attributes() -> None:
    class Watched(instep.Adam):
        """Remembers what it is watched for, and who sets anything."""

        def __setattr__(self, name: str, value: Any) -> None:
            assert name not in {"_groups", "_gradient_options"}  # the core's
            super().__setattr__(name, value)

    optimizer: Any = Watched([np.ones(2)], lr=0.5)
    optimizer.learning_rate = 0.25
    optimizer.clip_norm = 1.0
    optimizer.lr = 0.125
    assert (optimizer.learning_rate, optimizer.clip_norm, optimizer.lr) == (0.25, 1.0, 0.125)


FIXED_CHANGES: list[tuple[str, Options, str, Any]] = [
    ("SGD", {}, "momentum", 0.5),
    ("SGD", {"momentum": 0.5}, "momentum", 0.0),
    ("SGD", {"momentum": 0.5}, "nesterov", True),
    ("SGD", {"momentum": 0.5, "nesterov": True}, "nesterov", False),
    ("Adam", {}, "amsgrad", True),
    ("Adam", {"amsgrad": True}, "amsgrad", False),
    ("AdamW", {}, "amsgrad", True),
    ("RMSprop", {}, "centered", True),
    ("RMSprop", {"centered": True}, "centered", False),
    ("RMSprop", {}, "momentum", 0.5),
    ("RMSprop", {"momentum": 0.5}, "momentum", 0.0),
    ("RMSprop", {}, "initial_accumulator_value", 1.0),
    ("Adagrad", {}, "initial_accumulator_value", 1.0),
]


@pytest.mark.parametrize(("name", "options", "key", "value"), FIXED_CHANGES)
def test_fixed_options(name: str, options: Options, key: str, value: Any) -> None:
    optimizer = make(name, [np.ones(2), np.ones(3)], **options)
    with refused(ValueError, key, optimizer):
        setattr(optimizer, key, value)
    with refused(ValueError, key, optimizer):
        optimizer.param_groups[0][key] = value
    with refused(ValueError, key, optimizer):
        optimizer.param_groups[0].update({"lr": 0.5, key: value})


@each_variant
def test_a_group_accepts_the_values_it_has(name: str, options: Options) -> None:
    optimizer = make(name, [np.ones(2)], **options)
    group = optimizer.param_groups[0]
    before = {key: group[key] for key in DEFAULTS[name]}
    group.update(before)
    assert {key: group[key] for key in DEFAULTS[name]} == before


@pytest.mark.parametrize(
    "options",
    [
        {"nesterov": True},
        {"nesterov": True, "momentum": 0.5, "dampening": 0.5},
        {"nesterov": True, "dampening": 0.5},
    ],
)
def test_nesterov_needs_momentum_and_no_dampening(options: Options) -> None:
    with pytest.raises(ValueError, match=r"(?i)nesterov"):
        instep.SGD(np.ones(2), **options)
    with pytest.raises(ValueError, match=r"(?i)nesterov"):
        instep.SGD([{"params": [np.ones(2)], **options}])
    optimizer = instep.SGD([np.ones(2)], momentum=0.5, nesterov=True)
    with refused(ValueError, r"(?i)nesterov", optimizer):
        optimizer.dampening = 0.5


def test_amsgrad_and_adamw_leave_out_what_they_decide() -> None:
    for name, key in [
        ("AMSGrad", "amsgrad"),
        ("AMSGrad", "bias_correction"),
        ("AdamW", "decoupled_weight_decay"),
    ]:
        with pytest.raises(TypeError, match=key):
            make(name, np.ones(2), **{key: True})


@each_class
def test_the_class_of_a_schedule_is_no_schedule(name: str) -> None:
    schedule = instep.schedules.CosineDecay
    match = r"^lr: expected a value or a callable.*pass an object of it, CosineDecay\(\.\.\.\)$"
    with pytest.raises(TypeError, match=match):
        make(name, [np.ones(2)], lr=schedule)
    optimizer = make(name, [np.ones(2)])
    with refused(TypeError, match, optimizer):
        optimizer.lr = schedule
    with refused(TypeError, match, optimizer):
        optimizer.add_param_group({"params": [np.ones(2)], "lr": schedule})


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_unknown_argument_is_refused_with_the_names_of_those_that_there_are(name: str) -> None:
    with pytest.raises(TypeError) as refusal:
        make(name, np.ones(2), learning_rate=0.1)
    message, _, listed = str(refusal.value).partition("; beside params it has ")
    assert message == f"{name}() has no argument 'learning_rate' (did you mean 'lr'?)"
    conditions = ["clip_norm", "clip_value", "nonfinite", "flush_subnormals"]
    storage = ["state_dtype", "state_rounding", "param_rounding", "master_weight_bits"]
    options = [*conditions, *storage, "seed", "copies"]
    assert sorted(listed.split(", ")) == sorted([*DEFAULTS[name], *options])
