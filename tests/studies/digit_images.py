"""Random images in place of MNIST: studies of it are tested without data."""

import torch

from defib.studies.image_sets import Images, ImageScale

TINY = ImageScale(train_images=128, validation_images=32, edge=14)


def random_digits(scale: ImageScale, seed: int) -> Images:
    """Images whose mean tells the label, in the shapes of `scale`."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(10, (count,), generator=generator)
        noise = torch.randn(count, 1, scale.edge, scale.edge, generator=generator)
        return noise + (labels - 4.5).view(-1, 1, 1, 1) / 3, labels

    return Images(*drawn(scale.train_images), *drawn(scale.validation_images))
