"""Convolutional network that answers yes/no questions from their screenshots.

    python train_conv.py --channels 16
    python train_conv.py --questions arithmetic --examples 200 --batch-size 32 --epochs 20

Three 5 x 5 convolutions with stride 2 and no padding turn a 45 x 45 screenshot into 21 x 21,
9 x 9 and 3 x 3 values per channel; a linear layer makes one number of them: positive means yes,
negative means no.
"""

import argparse
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from data import FAMILIES, Screenshots, training_and_validation
from torch import Tensor, nn


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--questions", choices=FAMILIES, default="comparison")
    add("--examples", type=int, default=6000, help="training questions, an even number")
    add("--validation-examples", type=int, default=1000, help="new questions, an even number")
    add("--channels", type=int, default=100, help="channels of each convolution")
    add("--optimizer", choices=("sgd", "adam"), default="adam")
    add("--learning-rate", type=float, default=0.0005)
    add("--momentum", type=float, default=0.9, help="of sgd")
    add("--batch-size", type=int, default=64)
    add("--epochs", type=int, default=10)
    add("--seed", type=int, default=0)
    return parser.parse_args(arguments)


class ConvolutionalNetwork(nn.Module):
    """(count, 3, 45, 45) images to (count, 1) outputs, any real number."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, kernel_size=5, stride=2)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=5, stride=2)
        self.conv3 = nn.Conv2d(channels, channels, kernel_size=5, stride=2)
        self.relu1 = nn.ReLU()
        self.relu2 = nn.ReLU()
        self.relu3 = nn.ReLU()
        self.output = nn.Linear(channels * 3 * 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.relu1(self.conv1(images))
        hidden = self.relu2(self.conv2(hidden))
        hidden = self.relu3(self.conv3(hidden))
        return self.output(hidden.flatten(start_dim=1))


def build_optimizer(network: nn.Module, options: argparse.Namespace) -> torch.optim.Optimizer:
    if options.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    return torch.optim.SGD(
        network.parameters(), lr=options.learning_rate, momentum=options.momentum
    )


def as_tensors(screenshots: Screenshots) -> tuple[Tensor, Tensor]:
    """Images (count, 3, 45, 45) in [0, 1] and answers (count,), 1 yes and 0 no."""
    images = torch.from_numpy(screenshots.images).permute(0, 3, 1, 2).float() / 255
    return images.contiguous(), torch.from_numpy(screenshots.answers)


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, answers: Tensor) -> tuple[float, float]:
    """Mean loss and share of right answers, in [0, 1]."""
    outputs = torch.cat([network(part).squeeze(1) for part in images.split(250)])
    loss = F.binary_cross_entropy_with_logits(outputs, answers)
    return loss.item(), ((outputs > 0) == (answers > 0.5)).float().mean().item()


def load(options: argparse.Namespace) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images and answers to train on and to validate on; pixels have mean 0 and deviation 1."""
    training, validation = training_and_validation(
        options.questions, options.examples, options.validation_examples, seed=options.seed
    )
    images, answers = as_tensors(training)
    new_images, new_answers = as_tensors(validation)
    mean, deviation = images.mean(), images.std()
    return (
        ((images - mean) / deviation, answers),
        ((new_images - mean) / deviation, new_answers),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_options(arguments)
    torch.manual_seed(options.seed)
    (images, answers), validation = load(options)
    network = ConvolutionalNetwork(options.channels)
    optimizer = build_optimizer(network, options)
    for epoch in range(1, options.epochs + 1):
        for batch in torch.randperm(len(images)).split(options.batch_size):
            outputs = network(images[batch]).squeeze(1)
            loss = F.binary_cross_entropy_with_logits(outputs, answers[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        training_loss, accuracy = evaluate(network, images, answers)
        validation_loss, validation_accuracy = evaluate(network, *validation)
        print(
            f"epoch {epoch}: training loss {training_loss:.4f} accuracy {accuracy:.3f}, "
            f"validation loss {validation_loss:.4f} accuracy {validation_accuracy:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
