"""Healthy trainings by reward: the loss is no measure of progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Categorical, Normal
from torch.optim import Adam, RMSprop

from defib.datasets.bundled import digits
from defib.healthy.base import HealthyTraining, Live, no_gradient
from defib.healthy.loops import live, loader, steps, wrong_share
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

PLACES, LIMIT = 8, 16
"""A corridor: from the left end, steps left or right; at the right end the walk is over."""


def policy_gradient(seed: int, *, entropy: float = 0.0) -> Live:
    """A bandit with context: say the digit, get 1 if it is right."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 32, 10))

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        chances = Categorical(logits=model(images))
        actions = chances.sample()
        reward = (actions == labels).float()
        loss = -(chances.log_prob(actions) * (reward - reward.mean())).mean()
        return loss - entropy * chances.entropy().mean()

    optimizer = Adam(model.parameters(), lr=3e-3)
    return live(optimizer, loader(split, seed), loss_of, lambda: wrong_share(model, split))


def walk(choose: Callable[[Tensor], int]) -> tuple[Tensor, Tensor, Tensor]:
    """Places (one-hot), actions and rewards of one walk down the corridor."""
    place, seen, actions, rewards = 0, [], [], []
    for _ in range(LIMIT):
        seen.append(F.one_hot(torch.tensor(place), PLACES).float())
        actions.append(choose(seen[-1]))
        place = min(max(place + (1 if actions[-1] else -1), 0), PLACES - 1)
        rewards.append(1.0 if place == PLACES - 1 else -0.1)
        if place == PLACES - 1:
            break
    return torch.stack(seen), torch.tensor(actions), torch.tensor(rewards)


def returns(rewards: Tensor, discount: float = 0.95) -> Tensor:
    total, found = 0.0, []
    for reward in reversed(rewards.tolist()):
        total = reward + discount * total
        found.append(total)
    return torch.tensor(found[::-1])


def wrong_turns(scores: Callable[[Tensor], Tensor]) -> Tensor:
    """Chance, on average over places, to go left."""
    return scores(torch.eye(PLACES)[:-1]).softmax(dim=1)[:, 0].mean()


def walks(seed: int) -> Live:
    """REINFORCE in a corridor, with a learnt baseline (actor and critic)."""
    seed_everything(seed)
    actor, critic = dense_network((PLACES, 24, 2)), dense_network((PLACES, 24, 1))

    def loss_of() -> Tensor:
        with torch.no_grad():
            places, actions, rewards = walk(
                lambda place: int(Categorical(logits=actor(place[None])).sample())
            )
        wanted, values = returns(rewards), critic(places)[:, 0]
        chances = Categorical(logits=actor(places))
        advantage = wanted - values.detach()
        loss = -(chances.log_prob(actions) * advantage).mean() - 0.01 * chances.entropy().mean()
        return loss + 0.5 * F.mse_loss(values, wanted)

    optimizer = Adam([*actor.parameters(), *critic.parameters()], lr=3e-3)
    return live(optimizer, steps(200), loss_of, lambda: wrong_turns(actor), epochs=1)


def clipped_ratios(seed: int) -> Live:
    """Proximal policy optimisation (Schulman et al. 2017): several steps for each walk."""
    seed_everything(seed)
    actor = dense_network((PLACES, 24, 2), nn.Tanh)
    optimizer = Adam(actor.parameters(), lr=3e-3)

    def train() -> None:
        for _ in range(60):
            with torch.no_grad():
                seen = [
                    walk(lambda place: int(Categorical(logits=actor(place[None])).sample()))
                    for _ in range(4)
                ]
            places, actions = (torch.cat([each[part] for each in seen]) for part in (0, 1))
            wanted = torch.cat([returns(each[2]) for each in seen])
            advantage = (wanted - wanted.mean()) / (wanted.std() + 1e-6)
            before = Categorical(logits=actor(places)).log_prob(actions).detach()
            for _ in range(4):
                ratio = (Categorical(logits=actor(places)).log_prob(actions) - before).exp()
                bounded = ratio.clamp(0.8, 1.2) * advantage
                optimizer.zero_grad()
                (-torch.minimum(ratio * advantage, bounded).mean()).backward()
                optimizer.step()

    return Live(train, no_gradient(lambda: wrong_turns(actor)))


def value_learning(seed: int) -> Live:
    """Deep Q-learning with a replay memory and a second network that lags behind."""
    seed_everything(seed)
    random, memory = Random(seed), deque[tuple[Tensor, ...]](maxlen=2000)
    values = dense_network((PLACES, 32, 2))
    lagging = deepcopy(values).requires_grad_(requires_grad=False)
    optimizer = RMSprop(values.parameters(), lr=2e-3)

    def choose(place: Tensor) -> int:
        if random.random() < 0.3:
            return random.randrange(2)
        with torch.no_grad():
            return int(values(place[None]).argmax())

    def learn() -> None:
        rows = random.sample(memory, 32)
        parts = [torch.stack(part) for part in zip(*rows, strict=True)]
        places, actions, rewards, following, is_over = parts
        with torch.no_grad():
            wanted = rewards + 0.9 * ~is_over * lagging(following).amax(dim=1)
        told = values(places).gather(1, actions[:, None])[:, 0]
        optimizer.zero_grad()
        F.smooth_l1_loss(told, wanted).backward()
        optimizer.step()

    def train() -> None:
        for number in range(80):
            memory.extend(transitions(*walk(choose)))
            if len(memory) >= 64:
                for _ in range(5):
                    learn()
            if number % 4 == 0:
                lagging.load_state_dict(values.state_dict())

    return Live(train, no_gradient(lambda: miss_of_values(values)))


def miss_of_values(values: nn.Module, discount: float = 0.9) -> Tensor:
    """Mean squared miss of the values of going right, which can be worked out from the end."""
    worth = [1.0]
    while len(worth) < PLACES - 1:
        worth.insert(0, discount * worth[0] - 0.1)
    told = values(torch.eye(PLACES)[:-1])[:, 1]
    return F.mse_loss(told, torch.tensor(worth))


def transitions(places: Tensor, actions: Tensor, rewards: Tensor) -> list[tuple[Tensor, ...]]:
    following = torch.cat((places[1:], places[-1:]))
    is_over = rewards > 0
    return list(zip(places, actions, rewards, following, is_over, strict=True))


def continuous_actions(seed: int) -> Live:
    """A Gaussian policy learns to hit a number that it sees."""
    seed_everything(seed)
    mean = dense_network((1, 32, 1), nn.Tanh)
    log_deviation = nn.Parameter(torch.zeros(1))

    def loss_of() -> Tensor:
        seen = torch.rand(64, 1) * 2 - 1
        chances = Normal(mean(seen), log_deviation.exp())
        actions = chances.sample()
        reward = -((actions - torch.sin(3 * seen)) ** 2)
        return -(chances.log_prob(actions) * (reward - reward.mean())).mean()

    def error() -> Tensor:
        seen = torch.linspace(-1, 1, 100)[:, None]
        return ((mean(seen) - torch.sin(3 * seen)) ** 2).mean()

    optimizer = Adam([*mean.parameters(), log_deviation], lr=1e-2)
    return live(optimizer, steps(400), loss_of, error, epochs=1)


TRAININGS: Mapping[str, HealthyTraining] = {
    "policy-gradient": HealthyTraining(policy_gradient),
    "policy-gradient-entropy": HealthyTraining(partial(policy_gradient, entropy=0.02)),
    "actor-critic": HealthyTraining(walks),
    "clipped-ratios": HealthyTraining(clipped_ratios),
    "value-learning": HealthyTraining(value_learning),
    "continuous-actions": HealthyTraining(continuous_actions),
}
