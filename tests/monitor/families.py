"""Small trainings of many kinds, for the tests of what a watch guarantees."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

BATCH = 8
MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


class InPlaceMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(12, 16), nn.ReLU(inplace=True), nn.Linear(16, 16), nn.ReLU(inplace=True)
        )
        self.skip = nn.Linear(12, 4)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        outputs = self.head(self.body(x))
        outputs += self.skip(x)
        return outputs


class BatchNormCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, 3, 2, 2)
        return self.head(F.relu(self.norm(self.convolution(images))).mean(dim=(2, 3)))


class DropoutMLP(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 4))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 8, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x.reshape(-1, 4, 3))[0][:, -1])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(3, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x.reshape(-1, 4, 3))).mean(dim=1))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 8)
        self.body = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x[:, :3] > 0).long()
        return self.head(torch.sigmoid(self.body(self.embedding(tokens).mean(dim=1))))


class SparseEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8, sparse=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embedding((x[:, :3].abs() * 10).long().clamp(max=49)).mean(dim=1))


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant: bool):
        super().__init__()
        self.reentrant = reentrant
        self.first = nn.Linear(12, 16)
        self.block = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(self.block, self.first(x), use_reentrant=self.reentrant)
        return self.head(hidden)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "in-place ReLU": InPlaceMLP,
    "batch norm": BatchNormCNN,
    "dropout": DropoutMLP,
    "LSTM": Recurrent,
    "transformer": Transformer,
    "weight tying": Tied,
    "checkpoint, reentrant": lambda: Checkpointed(reentrant=True),
    "checkpoint": lambda: Checkpointed(reentrant=False),
}
OPTIMIZERS: dict[str, MakeOptimizer] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
}


def batches(steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(steps):
        x = torch.randn(BATCH, 12)
        yield x, (x[:, :4].argmax(dim=1))


def plain(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for x, y in batches(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def accumulating(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for number, (x, y) in enumerate(batches(2 * steps)):
        (F.cross_entropy(model(x), y) / 2).backward()
        if number % 2:
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)


def autocast(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for x, y in batches(steps):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()


def scaled(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=20)
    for number, (x, y) in enumerate(batches(steps)):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        # Every tenth gradient overflows, and its step is skipped.
        scaler.scale(loss * float("inf") if number % 10 == 3 else loss).backward()
        scaler.step(optimizer)
        scaler.update()


def evaluating(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(4):
        plain(model, optimizer, steps // 4)
        model.eval()
        with torch.no_grad():
            for x, y in batches(3):
                F.cross_entropy(model(x), y)
        model.train()


LOOPS = {
    "plain": plain,
    "accumulation": accumulating,
    "bf16 autocast": autocast,
    "gradient scaler": scaled,
    "evaluation": evaluating,
}


def fingerprint(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """SHA-256 of weights, buffers, modes, gradients, optimiser state and random state."""
    state = {
        "model": model.state_dict(),
        "gradients": [parameter.grad for parameter in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def trained(
    make_model: Callable[[], nn.Module],
    make_optimizer: MakeOptimizer,
    loop: Callable[..., None] = plain,
    steps: int = 200,
) -> str:
    """The fingerprint after a training from seed 0."""
    torch.manual_seed(0)
    model = make_model()
    optimizer = make_optimizer(list(model.parameters()))
    loop(model, optimizer, steps)
    return fingerprint(model, optimizer)
