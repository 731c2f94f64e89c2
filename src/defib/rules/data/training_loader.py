"""Which of the recorded loaders feeds the training."""

from __future__ import annotations

from defib.records.run import LoaderFact, RunRecord
from defib.records.site import Site
from defib.rules.trend import summed_examples


def unshuffled_loader(run: RunRecord, batch_size: float) -> LoaderFact | None:
    """The loader without shuffling that most likely made the batches of the training.

    Validation loaders do not shuffle either: the one with the training's batch size comes
    first, then the longest.
    """
    loaders = [loader for loader in run.loaders if loader.shuffle is False]
    return max(
        loaders,
        key=lambda loader: (loader.batch_size == round(batch_size), loader.length or 0),
        default=None,
    )


def data_site(run: RunRecord, optimizer: str) -> Site | None:
    """Where the training's data come from: the loader that shuffles, or the backward call."""
    shuffled = [loader for loader in run.loaders if loader.shuffle]
    for loader in shuffled or run.loaders:
        if loader.site is not None:
            return loader.site
    return backward_site(run, optimizer)


def examples_in_batch(run: RunRecord) -> float:
    """Examples in a usual batch: labels seen, else what the loader says; `inf` if not known."""
    labels = summed_examples(run)
    if labels is not None:
        return labels
    sizes = [each.batch_size for each in run.loaders if each.batch_size]
    return float(min(sizes, default=float("inf")))


def backward_site(run: RunRecord, optimizer: str) -> Site | None:
    """Where `backward` is called on the loss of `optimizer`."""
    loss = run.loss_of(optimizer)
    return loss.backward_site if loss else None
