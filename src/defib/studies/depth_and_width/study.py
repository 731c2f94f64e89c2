"""How accurate are dense networks on MNIST with few hidden units, by depth and width?

Networks of ReLUs with at most 100, 200 and 1000 hidden units in all (the last with two hidden
layers at least). For each limit a search draws candidates (layers, how fast they narrow, dropout
0 to 0.3, highest learning rate 0.001 to 0.005), trains them for a few epochs without a part of the
training images and takes the one that is most accurate on that part. It is trained again on all
training images, and only then measured on the test images. Beside it a grid of depth and width:
the same number of units spread evenly over 1, 2 and 3 layers, without dropout, rate 0.002. All
with Adam, batches of 64 and a learning rate of one cycle.

Quick: 8,000 training images, 5 candidates, 10 epochs. Full: all 60,000, 24 candidates, 30 epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import nn

from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.depth_and_width.search import (
    Recipe,
    drawn_recipes,
    split,
    trained,
    without_held_out,
)
from defib.studies.diagnosed import watched
from defib.studies.handwriting import DATASET, EDGE, PUBLISHED, digits, fewer_images
from defib.studies.image_sets import Images, ImageScale
from defib.studies.intervals import above, always, difference_interval, mean_interval
from defib.studies.pictures import curve
from defib.studies.silence import TABLE, silence_claim, watched_table
from defib.studies.tables import table

GRID_RATE = 2e-3
ASKED = {100: 0.975, 200: 0.98, 1000: 0.983}
REACHED = {100: 0.977, 200: 0.982, 1000: 0.9843}
"""Test accuracy by hidden units: what the problem set asks for, and what its solution reached."""
LEAST_DEPTH = {1000: 2}
SOURCE = "problem set, depth and width"


@final
@dataclass(frozen=True)
class Config:
    """`held_out` training images choose among `candidates`, each trained `search_epochs`."""

    seeds: int
    scale: ImageScale
    held_out: int
    candidates: int
    search_epochs: int
    epochs: int
    grid_epochs: int
    budgets: tuple[int, ...] = (100, 200, 1000)
    grid_units: tuple[int, ...] = (50, 100, 200, 1000)
    depths: tuple[int, ...] = (1, 2, 3)

    def depths_for(self, units: int) -> tuple[int, ...]:
        """Of the candidates with that many units."""
        return tuple(each for each in self.depths if each >= LEAST_DEPTH.get(units, 1))


QUICK = Config(
    seeds=3,
    scale=ImageScale(8_000, 10_000, EDGE),
    held_out=2_000,
    candidates=5,
    search_epochs=3,
    epochs=10,
    grid_epochs=3,
)
FULL = Config(
    seeds=5,
    scale=PUBLISHED,
    held_out=10_000,
    candidates=24,
    search_epochs=10,
    epochs=30,
    grid_epochs=20,
)


@final
class Trainer:
    """Trains on the images of a seed, each time under watch; `found` has what the watch said."""

    def __init__(self, config: Config, seed: int) -> None:
        self._config, self._seed = config, seed
        self.data = digits(config.scale, seed)
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, what: str, recipe: Recipe, data: Images, epochs: int) -> nn.Sequential:
        with watched() as judged:
            network = trained(recipe, data, self._config.scale, epochs=epochs, seed=self._seed)
        named = f"{what} {recipe.layout}, dropout {recipe.dropout:g}, rate {recipe.peak_rate:g}"
        self.found.append((named, judged.rules))
        return network


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    train = Trainer(config, seed)
    searched, chosen = [], []
    for units in config.budgets:
        rows, best = _search(config, units, train)
        searched += rows
        network = train("chosen", best, train.data, config.epochs)
        accuracy = train.data.quality(network).accuracy
        chosen.append((units, sum(best.widths), len(best.widths), _parameters(network), accuracy))
    grid = _grid(config, train)
    return {
        "chosen": table("most_units", "units depth parameters test_accuracy", chosen),
        "grid": table("depth units", "parameters test_accuracy", grid),
        "search": table(
            "most_units layers dropout peak_rate", "held_out_accuracy is_chosen", searched
        ),
        TABLE: watched_table(train.found),
    }


def _search(config: Config, units: int, train: Trainer) -> tuple[list[tuple[object, ...]], Recipe]:
    """A row for each candidate, and the best of them; the first of equals."""
    part = without_held_out(train.data, config.held_out)
    recipes = drawn_recipes(units, config.depths_for(units), config.candidates)
    accuracies = [
        part.quality(train("candidate", each, part, config.search_epochs)).accuracy
        for each in recipes
    ]
    best = recipes[accuracies.index(max(accuracies))]
    rows: list[tuple[object, ...]] = [
        (units, each.layout, each.dropout, each.peak_rate, accuracy, each is best)
        for each, accuracy in zip(recipes, accuracies, strict=True)
    ]
    return rows, best


def _grid(config: Config, train: Trainer) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for depth in config.depths:
        for units in config.grid_units:
            recipe = Recipe(split(units, depth), 0.0, GRID_RATE)
            network = train("grid", recipe, train.data, config.grid_epochs)
            accuracy = train.data.quality(network).accuracy
            rows.append((depth, units, _parameters(network), accuracy))
    return rows


def _parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def claims(result: StudyResult) -> tuple[Claim, ...]:
    chosen, grid = result.by_seed("chosen"), result.by_seed("grid")
    budgets = [int(str(each)) for each in chosen.distinct("most_units")]
    used = zip(chosen.numbers("units"), chosen.numbers("most_units"), strict=True)
    within = [units <= most for units, most in used]
    return (
        *(_reached(chosen, each, fewer_images(result)) for each in budgets if each in ASKED),
        Claim(
            "within-the-limit",
            "No network that a search chose has more hidden units than its limit.",
            always(within),
            {"networks": len(within)},
        ),
        *_claims_of_grid(grid),
        silence_claim(result),
    )


def _reached(chosen: Table, units: int, why: str) -> Claim:
    reached = mean_interval(chosen.numbers("test_accuracy", most_units=units))
    return Claim(
        f"reached-with-{units}",
        f"With at most {units} hidden units the network that the search chose has a test accuracy "
        f"above {ASKED[units]}.",
        above(reached, ASKED[units]),
        reached.as_numbers("test_accuracy"),
        Published(
            f"test accuracy {REACHED[units]}",
            SOURCE,
            Sureness.READ,
            {"test_accuracy": REACHED[units]},
        ),
        reason=why,
    )


def _claims_of_grid(grid: Table) -> tuple[Claim, ...]:
    few, *_, many = grid.distinct("units")
    shallow, *_, deep = grid.distinct("depth")
    wider = difference_interval(
        grid.numbers("test_accuracy", depth=shallow, units=many),
        grid.numbers("test_accuracy", depth=shallow, units=few),
    )
    deeper = difference_interval(
        grid.numbers("test_accuracy", depth=shallow, units=few),
        grid.numbers("test_accuracy", depth=deep, units=few),
    )
    return (
        Claim(
            "wider-is-better",
            f"In {shallow} hidden layer {many} units are more accurate than {few}.",
            above(wider, 0.0),
            wider.as_numbers("accuracy_gained"),
        ),
        Claim(
            "few-units-belong-in-one-layer",
            f"{few} units in {shallow} layer are more accurate than spread over {deep}.",
            above(deeper, 0.0),
            deeper.as_numbers("accuracy_gained"),
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    grid, chosen = result.tables["grid"], result.tables["chosen"]
    by_depth = tuple(
        curve(grid, _layers(depth), "parameters", "test_accuracy", depth=depth)
        for depth in grid.distinct("depth")
    )
    found = curve(chosen, "measured", "most_units", "test_accuracy")
    limits = [units for units in ASKED if units in found.x]
    published = tuple(
        Line(label, tuple(map(float, limits)), tuple(of[each] for each in limits), is_dots=True)
        for label, of in (("asked for", ASKED), ("published", REACHED))
    )
    return (
        Chart(
            "accuracy",
            "Accuracy of dense networks by depth and width",
            "Test accuracy with intervals over the seeds. Left: by parameters, the same numbers of "
            f"units in 1 to {len(by_depth)} layers. Right: of the networks that the search chose, "
            + ", ".join(f"{y:.4f} with {x:g} units" for x, y in zip(found.x, found.y, strict=True))
            + ".",
            (
                Lines("parameters", "test accuracy", by_depth, is_log_x=True),
                Lines("most hidden units", "test accuracy", (found, *published), is_log_x=True),
            ),
            columns=2,
        ),
    )


def _layers(depth: object) -> str:
    return "1 layer" if depth == 1 else f"{depth} layers"


STUDY = Study(("E4",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
