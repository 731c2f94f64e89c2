"""What is known of the sets that scikit-learn brings along; `bundled.py` loads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class BundledSet:
    """A set that needs no fetching; `loader` is the name of its function in `bundled.py`."""

    name: str
    title: str
    examples: str
    shape: str
    loader: str
    terms: str = "BSD-3-Clause package; UCI data"


BUNDLED_SETS = (
    BundledSet("breast-cancer", "measurements of tumours", "569", "30", "breast_cancer"),
    BundledSet("diabetes", "progression of a disease", "442", "10", "diabetes"),
    BundledSet("digits", "handwritten digits, coarse", "1,797", "1x8x8", "digits"),
)
