"""Random images in place of real ones: studies of FashionMNIST are tested without data."""

import torch

from defib.studies.fashion import Scale
from defib.studies.image_sets import Images

TINY = Scale(train_images=96, validation_images=32, edge=14, narrowing=16, device="cpu")


def random_garments(scale: Scale, seed: int) -> Images:
    """Images whose mean tells the label, in the shapes of `scale`."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(10, (count,), generator=generator)
        noise = torch.randn(count, 1, scale.edge, scale.edge, generator=generator)
        return noise + (labels - 4.5).view(-1, 1, 1, 1) / 3, labels

    return Images(*drawn(scale.train_images), *drawn(scale.validation_images))
