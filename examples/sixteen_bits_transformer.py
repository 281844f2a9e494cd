"""A small transformer in bfloat16: what it learns, by how its optimizer stores what it keeps.

It learns the characters of the reference that Python's `help()` shows, from several seeds with each
combination of dtypes and roundings, torch's own fused AdamW among them. The seed gives initial
weights, batches and random bits, so that combinations are compared seed by seed.

`python examples/sixteen_bits_transformer.py` prints a table and leaves transformer.png and
transformer.csv in the current folder.
"""

import csv
import pydoc_data.topics
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

import instep.interop.torch

WIDTH, HEADS, LAYERS, CONTEXT = 64, 4, 2, 64
BATCH = 8
RATE, WARMUP = 2e-3, 100
MARKS = 10
"""How often the loss is measured on text that is held back."""
WINDOWS = 256
"""On so many windows of that text."""


class Combination(NamedTuple):
    """A dtype of the model, an optimizer for it, and the bytes that its step moves an element."""

    title: str
    bytes_per_element: int
    dtype: torch.dtype
    optimizer: Callable[..., torch.optim.Optimizer]
    colour: str
    line: str = "-"


fused = partial(torch.optim.AdamW, fused=True)
ours = instep.interop.torch.AdamW
FLOAT32, BFLOAT16 = torch.float32, torch.bfloat16
SHORT: dict[str, Any] = {"state_dtype": "bfloat16"}
LONG: dict[str, Any] = {"state_dtype": "float32"}
NEAREST: dict[str, Any] = {"state_rounding": "nearest"}
STOCHASTIC: dict[str, Any] = {"param_rounding": "stochastic"}
MASTER: dict[str, Any] = {"master_weight_bits": 32}

COMBINATIONS = [
    Combination("float32, torch", 28, FLOAT32, fused, "black"),
    Combination("float32, states bfloat16", 20, FLOAT32, partial(ours, **SHORT), "#56B4E9"),
    Combination("bfloat16, torch", 14, BFLOAT16, fused, "#D55E00"),
    Combination("bfloat16, nearest", 14, BFLOAT16, partial(ours, **NEAREST), "#E69F00", "--"),
    Combination("bfloat16, states stochastic", 14, BFLOAT16, ours, "#CC79A7"),
    Combination("bfloat16, stochastic", 14, BFLOAT16, partial(ours, **STOCHASTIC), "#0072B2"),
    Combination("bfloat16, master", 18, BFLOAT16, partial(ours, **MASTER), "#009E73"),
    Combination(
        "bfloat16, master, states float32",
        26,
        BFLOAT16,
        partial(ours, **MASTER, **LONG),
        "#009E73",
        "--",
    ),
]
"""Of instep's, states are in bfloat16 and stored stochastically where nothing else is said."""


class Text(NamedTuple):
    """Numbers of characters: to train on, to measure on, and how many there are."""

    train: Tensor
    held_back: Tensor
    characters: int


def read_text() -> Text:
    """Return the topics of Python's help, the last tenth held back."""
    text = "".join(pydoc_data.topics.topics.values())
    number = {character: k for k, character in enumerate(sorted(set(text)))}
    numbers = torch.tensor([number[character] for character in text])
    kept = len(numbers) // 10
    return Text(numbers[:-kept], numbers[-kept:], len(number))


class Layer(nn.Module):
    """Attention to what came before and two linear maps, each added to what it is of."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        by_head = (*x.shape[:-1], HEADS, WIDTH // HEADS)
        parts = self.queries_keys_values(self.norms[0](x)).chunk(3, dim=-1)
        queries, keys, values = (part.view(by_head).transpose(1, 2) for part in parts)
        attended = scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.mix(attended.transpose(1, 2).reshape(x.shape))
        added: Tensor = self.narrow(gelu(self.widen(self.norms[1](x))))
        return x + added


class Transformer(nn.Module):
    """Predicts each next character of a window."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)), nn.LayerNorm(WIDTH))
        self.predict = nn.Linear(WIDTH, characters)
        for table in (self.characters, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, windows: Tensor) -> Tensor:
        scores: Tensor = self.predict(self.layers(self.characters(windows) + self.places.weight))
        return scores

    def loss(self, windows: Tensor) -> Tensor:
        """Return the mean cross-entropy of all characters of the windows but each first."""
        scores = self(windows[:, :-1]).float()
        return cross_entropy(scores.flatten(0, 1), windows[:, 1:].flatten())


class Run(NamedTuple):
    """The losses of a training on the text that is held back, after the steps of `marks`."""

    combination: Combination
    seed: int
    marks: list[int]
    losses: list[float]


def train(combination: Combination, seed: int, text: Text, steps: int) -> Run:
    """Train from the weights and with the batches of a seed."""
    torch.manual_seed(seed)
    model = Transformer(text.characters).to(combination.dtype)
    options = {} if combination.optimizer is fused else {"seed": seed}
    optimizer = combination.optimizer(model.parameters(), lr=RATE, **options)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARMUP) * (1.0 - step / steps)
    )
    generator = torch.Generator().manual_seed(seed)
    window = torch.arange(CONTEXT + 1)
    apart = (len(text.held_back) - CONTEXT) // WINDOWS
    measured = text.held_back[apart * torch.arange(WINDOWS)[:, None] + window]
    marks, losses = [], []
    for step in range(1, steps + 1):
        starts = torch.randint(len(text.train) - CONTEXT, (BATCH, 1), generator=generator)
        optimizer.zero_grad()
        model.loss(text.train[starts + window]).backward()
        optimizer.step()
        schedule.step()
        if step % (steps // MARKS) == 0:
            marks.append(step)
            with torch.no_grad():
                losses.append(model.loss(measured).item())
    return Run(combination, seed, marks, losses)


def above(runs: list[Run]) -> list[Run]:
    """Return by how much the losses are above those of the first combination from the same seed."""
    base = {run.seed: run.losses for run in runs if run.combination is COMBINATIONS[0]}
    return [
        run._replace(losses=[a - b for a, b in zip(run.losses, base[run.seed], strict=True)])
        for run in runs
    ]


def by_mark(runs: list[Run], combination: Combination) -> list[tuple[float, ...]]:
    """Return for each mark what a combination has there, from every seed."""
    of_combination = [run.losses for run in runs if run.combination is combination]
    return list(zip(*of_combination, strict=True))


def draw(runs: list[Run], file: Path) -> None:
    """Draw medians and ranges over the seeds, of losses and of what they are above float32's."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    marks = runs[0].marks
    for axes, drawn in ((left, runs), (right, above(runs))):
        for combination in COMBINATIONS:
            found = by_mark(drawn, combination)
            least, most = [min(values) for values in found], [max(values) for values in found]
            axes.fill_between(marks, least, most, color=combination.colour, alpha=0.12, linewidth=0)
            axes.plot(
                marks,
                [statistics.median(values) for values in found],
                color=combination.colour,
                linewidth=3.5 if combination is COMBINATIONS[0] else 1.6,
                linestyle=combination.line,
                label=combination.title,
            )
        axes.set(xlabel="step")
        axes.margins(x=0)
        axes.grid(alpha=0.3)
    left.set(ylabel="loss on text that is held back")
    right.set(ylabel="loss above float32's from the same seed")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.savefig(file, dpi=110)


def main(folder: Path = Path(), *, seeds: int = 5, steps: int = 1000) -> list[Run]:
    """Train with all combinations, print a table, leave picture and numbers, return the runs."""
    text = read_text()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the model is too small to be divided
    try:
        runs = [
            train(combination, seed, text, steps)
            for combination in COMBINATIONS
            for seed in range(seeds)
        ]
    finally:
        torch.set_num_threads(threads)
    print("| model and optimizer | bytes | final loss | above float32 | least | most |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for combination in COMBINATIONS:
        losses, more = (by_mark(each, combination)[-1] for each in (runs, above(runs)))
        print(
            f"| {combination.title} | {combination.bytes_per_element} "
            f"| {statistics.median(losses):.4f} | {statistics.median(more):+.4f} "
            f"| {min(more):+.4f} | {max(more):+.4f} |"
        )
    with (folder / "transformer.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model and optimizer", "seed", "step", "loss"])
        for run in runs:
            for mark, loss in zip(run.marks, run.losses, strict=True):
                writer.writerow([run.combination.title, run.seed, mark, loss])
    draw(runs, folder / "transformer.png")
    return runs


if __name__ == "__main__":
    main()
