"""List the data sets that have a name, and fetch them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import final

import click
from rich import box
from rich.console import Console
from rich.table import Table

from defib.datasets.bundled_sets import BUNDLED_SETS, BundledSet
from defib.datasets.catalogue import published_set, published_sets
from defib.datasets.data_folder import data_folder
from defib.datasets.images import fetch_images, import_images, is_here, load_images
from defib.datasets.published_set import PublishedSet

BUNDLED = "in scikit-learn"
NOT_INSTALLED = "pip install scikit-learn"


@click.group(help=__doc__)
def data() -> None:
    pass


@final
@dataclass(frozen=True)
class DatasetRow:
    """A data set in one line. `where` says whether it is here already, `shape` what one is."""

    name: str
    title: str
    examples: str
    shape: str
    where: str
    licence: str


def list_sets(*, as_json: bool) -> None:
    """List the data sets: what they are, where they are, and their licence."""
    found = rows()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table_of(found))
    console.print(f"Kept in {data_folder()}; the environment variable DEFIB_DATA names another.")
    console.print("`defib data fetch NAME` gets one.")


def fetch(*, name: str, path: Path | None, is_again: bool) -> None:
    """Get the data set NAME, check it bit for bit, and keep it.

    Without --from it is downloaded, unless it is here already.
    """
    known = published_set(name)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if path is not None:
        arrays = import_images(known, path)
    elif is_again:
        arrays = fetch_images(known, say=console.print)
    else:
        arrays = load_images(known, say=console.print)
    counts = f"{len(arrays.train_images):,} + {len(arrays.test_images):,} images"
    console.print(f"{known.name}: {counts}, bit for bit as published, in {data_folder()}.")
    console.print(
        f"Licence of the data: {known.licence.terms} (according to: {known.licence.source})."
    )
    console.print(f"Cite: {known.licence.citation}.")


# Made without decorators: these would leave the file with more than its one command.
data.add_command(
    click.Command(
        "list",
        callback=list_sets,
        help=list_sets.__doc__,
        params=[click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")],
    )
)
data.add_command(
    click.Command(
        "fetch",
        callback=fetch,
        help=fetch.__doc__,
        params=[
            click.Argument(["name"], metavar="NAME"),
            click.Option(
                ["--from", "path"],
                type=click.Path(path_type=Path),
                help="A folder with the files, or a package that was downloaded before.",
            ),
            click.Option(["--again", "is_again"], is_flag=True, help="Even if it is here."),
        ],
    )
)


def rows() -> tuple[DatasetRow, ...]:
    """A row for each data set: the published ones, then those of scikit-learn."""
    return (
        *(_published_row(each) for each in published_sets()),
        *(_bundled_row(each) for each in BUNDLED_SETS),
    )


def table_of(rows: tuple[DatasetRow, ...]) -> Table:
    """A line for each row."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("name", "examples", "of", "where", "licence"):
        is_wide = column == "licence"
        table.add_column(column, no_wrap=not is_wide, overflow="fold" if is_wide else "ellipsis")
    for row in rows:
        table.add_row(row.name, row.examples, row.shape, row.where, row.licence)
    return table


def _published_row(known: PublishedSet) -> DatasetRow:
    return DatasetRow(
        known.name,
        known.title,
        f"{known.train_count:,} + {known.test_count:,}",
        "x".join(map(str, known.image_shape)),
        "here" if is_here(known) else f"to fetch, {known.package.megabytes:g} MB",
        known.licence.terms,
    )


def _bundled_row(known: BundledSet) -> DatasetRow:
    is_installed = find_spec("sklearn") is not None
    where = BUNDLED if is_installed else NOT_INSTALLED
    return DatasetRow(known.name, known.title, known.examples, known.shape, where, known.terms)
