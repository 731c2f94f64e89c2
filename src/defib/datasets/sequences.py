"""Synthetic sequences: symbols, words, waves."""

from __future__ import annotations

import math

import torch

from defib.datasets.bundled import Split

SYMBOLS = 8
LENGTH = 12


def first_symbols(count: int = 2400, seed: int = 0) -> Split:
    """Sequences of `LENGTH` symbols below `SYMBOLS` (int64); the target is the first one.

    To be right a network must keep what it saw `LENGTH` - 1 positions ago.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(SYMBOLS, (count, LENGTH), generator=generator)
    held_out = count // 6
    targets = inputs[:, 0].clone()
    return Split(inputs[held_out:], targets[held_out:], inputs[:held_out], targets[:held_out])


WORDS = 400
TOPICS = 4
WORDS_PER_TEXT = 24


def topic_words(count: int = 2400, seed: int = 0) -> Split:
    """Texts of `WORDS_PER_TEXT` words below `WORDS` (int64); the target is the topic.

    A word is the more common the lower its number (Zipf's law). Two fifths of a text are words
    of its topic: those whose number leaves it as remainder.
    """
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(TOPICS, (count,), generator=generator)
    shape = count * WORDS_PER_TEXT
    frequency = 1 / torch.arange(1, WORDS + 1)
    words = torch.multinomial(frequency, shape, replacement=True, generator=generator)
    words = words.view(count, WORDS_PER_TEXT)
    is_topical = torch.rand(words.shape, generator=generator) < 0.4
    words = torch.where(is_topical, words - words % TOPICS + targets[:, None], words)
    held_out = count // 6
    return Split(words[held_out:], targets[held_out:], words[:held_out], targets[:held_out])


def waves(count: int = 1800, seed: int = 0, *, noise: float = 0.1) -> Split:
    """Sine waves of `2 * LENGTH` values (length, 1) with noise; the target is the next value.

    Their periods are 6 to 18 values; `noise` is its standard deviation.
    """
    generator = torch.Generator().manual_seed(seed)
    period = 6 + 12 * torch.rand(count, 1, generator=generator)
    phase = 2 * math.pi * torch.rand(count, 1, generator=generator)
    values = torch.sin(2 * math.pi * torch.arange(2 * LENGTH + 1) / period + phase)
    values = values + noise * torch.randn(values.shape, generator=generator)
    inputs, targets = values[:, :-1, None], values[:, -1:]
    held_out = count // 6
    return Split(inputs[held_out:], targets[held_out:], inputs[:held_out], targets[:held_out])
