"""Fully connected network that answers yes/no questions from their screenshots.

    python train_dense.py
    python train_dense.py --questions arithmetic --hidden 200 200 --optimizer adam

The output is one number per screenshot: positive means yes, negative means no.
"""

import argparse
import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from data import FAMILIES, SIDE, Screenshots, training_and_validation
from torch import Tensor, nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--questions", choices=FAMILIES, default="comparison")
    add("--examples", type=int, default=6000, help="training questions, an even number")
    add("--validation-examples", type=int, default=1000, help="new questions, an even number")
    add("--hidden", type=int, nargs="+", default=[100, 100], help="units of each hidden layer")
    add("--activation", choices=ACTIVATIONS, default="relu")
    add("--initial-scale", type=float, default=1.0, help="factor on all initial weights")
    add("--zero-layer", choices=("first", "last"), help="start with this layer at zero")
    add("--expected-yes", type=float, help="share of yes, in (0, 1), that the output starts from")
    add("--optimizer", choices=("sgd", "adam"), default="sgd")
    add("--learning-rate", type=float, default=0.003)
    add("--momentum", type=float, default=0.9, help="of sgd")
    add("--milestone", type=int, default=1000, help="step at which the learning rate changes")
    add("--milestone-factor", type=float, default=0.1, help="what it is multiplied by then")
    add("--batch-size", type=int, default=64)
    add("--epochs", type=int, default=15)
    add("--print-every", type=int, default=0, help="steps between prints of the batch loss")
    add("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def build_network(hidden: Sequence[int], activation: str) -> nn.Sequential:
    """(count, 3, 45, 45) images to (count, 1) outputs, any real number."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    inputs = 3 * SIDE * SIDE
    for number, units in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(inputs, units)
        layers[f"activation{number}"] = ACTIVATIONS[activation]()
        inputs = units
    layers["output"] = nn.Linear(inputs, 1)
    return nn.Sequential(layers)


def initialize(network: nn.Sequential, options: argparse.Namespace) -> None:
    linears = [layer for layer in network if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer in linears:
            layer.weight *= options.initial_scale
        if options.expected_yes is not None:
            linears[-1].bias.fill_(math.log(options.expected_yes / (1 - options.expected_yes)))
        if options.zero_layer is not None:
            for parameter in linears[0 if options.zero_layer == "first" else -1].parameters():
                parameter.zero_()


def build_optimizer(network: nn.Module, options: argparse.Namespace) -> torch.optim.Optimizer:
    if options.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    return torch.optim.SGD(
        network.parameters(), lr=options.learning_rate, momentum=options.momentum
    )


def as_tensors(screenshots: Screenshots) -> tuple[Tensor, Tensor]:
    """Images (count, 3, 45, 45) in [0, 1] and answers (count,), 1 yes and 0 no."""
    images = torch.from_numpy(screenshots.images).permute(0, 3, 1, 2).float() / 255
    return images, torch.from_numpy(screenshots.answers)


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, answers: Tensor) -> tuple[float, float]:
    """Mean loss and share of right answers, in [0, 1]."""
    outputs = network(images).squeeze(1)
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
    network = build_network(options.hidden, options.activation)
    initialize(network, options)
    optimizer = build_optimizer(network, options)
    schedule = torch.optim.lr_scheduler.MultiStepLR(
        optimizer, [options.milestone], gamma=options.milestone_factor
    )
    step = 0
    for epoch in range(1, options.epochs + 1):
        for batch in torch.randperm(len(images)).split(options.batch_size):
            outputs = network(images[batch]).squeeze(1)
            loss = F.binary_cross_entropy_with_logits(outputs, answers[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if options.print_every and step % options.print_every == 0:
                print(f"step {step}: loss {loss.item():.4f}")
        training_loss, accuracy = evaluate(network, images, answers)
        validation_loss, validation_accuracy = evaluate(network, *validation)
        print(
            f"epoch {epoch}: training loss {training_loss:.4f} accuracy {accuracy:.3f}, "
            f"validation loss {validation_loss:.4f} accuracy {validation_accuracy:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
