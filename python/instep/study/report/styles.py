"""How an optimizer is drawn: the same colour and line in every picture of the study."""

from __future__ import annotations

from typing import Any

# The colours of the six are Okabe and Ito's, which colour-blind readers can tell apart, as they can
# Paul Tol's muted ones, of which most relatives have one. A variant has the colour of its optimizer
# and a line of its own.
STYLES: dict[str, tuple[str, Any]] = {
    "Adam": ("#0072B2", "-"),
    "Adam, default rate": ("#0072B2", (0, (1, 4))),
    "Adam, β₁ = 0": ("#0072B2", "--"),
    "Adam, β₂ = 0.999": ("#0072B2", "-."),
    "Adam, cosine": ("#0072B2", (0, (8, 2))),
    "Adam, uncorrected": ("#0072B2", ":"),
    "AMSGrad": ("#56B4E9", "-"),
    "RMSprop": ("#009E73", "-"),
    "RMSprop, momentum": ("#009E73", "--"),
    "Adagrad": ("#E69F00", "-"),
    "Adagrad, cut": ("#E69F00", "--"),
    "Adadelta": ("#CC79A7", "-"),
    "Adadelta, lr = 1": ("#CC79A7", "--"),
    "SGD": ("#D55E00", "-"),
    "SGD, momentum": ("#D55E00", "--"),
    "SGD, line search": ("#D55E00", ":"),
    "SGD, schedule": ("#D55E00", "-."),
    "SGD, linear": ("#D55E00", (0, (1, 1))),
    "SGD, cosine": ("#D55E00", (0, (8, 2))),
    "AdaBelief": ("#332288", (0, (6, 1, 1, 1))),
    "Adamax": ("#DDCC77", (0, (6, 1, 1, 1))),
    "Adan": ("#882255", (0, (6, 1, 1, 1))),
    "Adafactor": ("#AA4466", (0, (6, 1, 1, 1))),
    "AdEMAMix": ("#661100", (0, (6, 1, 1, 1))),
    "ASGD": ("#CC6677", (0, (6, 1, 1, 1))),
    "FTRL": ("#117733", "-"),
    "LAMB": ("#AA6600", (0, (6, 1, 1, 1))),
    "LARS": ("#661133", (0, (6, 1, 1, 1))),
    "Lion": ("#000000", "-"),
    "NAdam": ("#44AA99", (0, (6, 1, 1, 1))),
    "RAdam": ("#999933", (0, (6, 1, 1, 1))),
    "Rprop": ("#882211", "-"),
    "ScheduleFreeAdamW": ("#222255", "-"),
    "ScheduleFreeSGD": ("#AA4499", "-"),
}


def style(title: str, *, named: bool = True) -> dict[str, Any]:
    """Return matplotlib's arguments for the curve of an optimizer, which a legend may name."""
    colour, line = STYLES[title]
    return {"color": colour, "linestyle": line, "label": title if named else "_"}
