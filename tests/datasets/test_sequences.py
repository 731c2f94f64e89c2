import torch

from defib.datasets.sequences import TOPICS, WORDS, first_symbols, topic_words, waves


def test_the_first_symbol_is_the_target():
    split = first_symbols(60)
    assert torch.equal(split.inputs[:, 0], split.targets)


def test_words_of_the_topic_are_the_most_frequent_kind_in_a_text():
    split = topic_words(600)
    kinds = torch.nn.functional.one_hot(split.inputs % TOPICS, TOPICS).sum(dim=1)
    assert (kinds.argmax(dim=1) == split.targets).float().mean() > 0.9


def test_some_words_are_rare():
    counts = torch.bincount(topic_words().inputs.flatten(), minlength=WORDS)
    assert counts.max() > 100 * counts.median()


def test_a_wave_continues_with_its_target():
    split = waves(600)
    values = torch.cat((split.inputs[..., 0], split.targets), dim=1)
    # Of a sine wave, each value and the one two before have 2 cos(2 pi / period) times the
    # middle one as their sum.
    sums, middle = values[:, 2:] + values[:, :-2], values[:, 1:-1]
    factor = (sums * middle).sum(1, keepdim=True) / (middle**2).sum(1, keepdim=True)
    assert (sums - factor * middle)[:, -1].abs().mean() < 0.3


def test_the_same_seed_gives_the_same_examples():
    for make in (first_symbols, topic_words, waves):
        assert torch.equal(make(60).inputs, make(60).inputs)
