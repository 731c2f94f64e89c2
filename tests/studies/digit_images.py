"""Random images in place of published ones: studies of them are tested without data."""

import torch

from defib.studies.image_sets import Images, ImageScale

TINY = ImageScale(train_images=128, validation_images=32, edge=14)


def random_images(scale: ImageScale, seed: int, *, channels: int = 1) -> Images:
    """Images whose mean tells the label, in the shapes of `scale`."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(10, (count,), generator=generator)
        noise = torch.randn(count, channels, scale.edge, scale.edge, generator=generator)
        return noise + (labels - 4.5).view(-1, 1, 1, 1) / 3, labels

    return Images(*drawn(scale.train_images), *drawn(scale.validation_images))


def random_digits(scale: ImageScale, seed: int) -> Images:
    """In place of MNIST."""
    return random_images(scale, seed)
