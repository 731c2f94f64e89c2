"""Random images in place of FashionMNIST."""

from defib.studies.fashion import Scale
from defib.studies.image_sets import Images
from tests.studies.digit_images import random_images

TINY = Scale(train_images=96, validation_images=32, edge=14, narrowing=16, device="cpu")


def random_garments(scale: Scale, seed: int) -> Images:
    """Images whose mean tells the label, in the shapes of `scale`."""
    return random_images(scale.of_images, seed)
