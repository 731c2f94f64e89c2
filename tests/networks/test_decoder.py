from dataclasses import replace

import pytest
import torch

from defib.networks.attention import Attention
from defib.networks.decoder import Decoder, DecoderSize, rotary_angles, rotated

SMALL = DecoderSize(vocabulary=11, width=16, layers=2, heads=4, hidden=24)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("key_value_heads", [None, 2, 1])
def test_scores_do_not_depend_on_later_tokens(key_value_heads: int | None):
    network = Decoder(replace(SMALL, key_value_heads=key_value_heads)).eval()
    tokens = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 3, 9, 0]])
    first, second = network(tokens)
    assert torch.allclose(first[:3], second[:3], atol=1e-6)
    assert not torch.allclose(first[3], second[3], atol=1e-3)


def test_scores_depend_on_the_order_of_the_tokens():
    network = Decoder(SMALL).eval()
    first, second = network(torch.tensor([[1, 2, 3], [2, 1, 3]]))
    assert not torch.allclose(first[2], second[2], atol=1e-4)


def test_a_tied_decoder_has_one_matrix_for_tokens():
    network = Decoder(replace(SMALL, is_tied=True))
    assert network.head.weight is network.embedding.weight


def test_products_of_rotated_heads_depend_on_the_distance_only():
    query, key = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)

    def product(query_position: int, key_position: int) -> float:
        positions = torch.tensor([[query_position], [key_position]])
        angles = [rotary_angles(each, 8, 100.0) for each in positions]
        return float((rotated(query, angles=angles[0]) * rotated(key, angles=angles[1])).sum())

    assert product(7, 3) == pytest.approx(product(104, 100), rel=1e-5)
    assert product(7, 3) != pytest.approx(product(7, 4), rel=1e-2)


def test_grouped_attention_equals_full_attention_with_repeated_heads():
    grouped = Attention(8, 4, key_value_heads=2, has_bias=False)
    full = Attention(8, 4, has_bias=False)
    full.query.weight.data = grouped.query.weight.data
    full.output.weight.data = grouped.output.weight.data
    for name in ("key", "value"):
        heads = getattr(grouped, name).weight.data.unflatten(0, (2, 2))
        getattr(full, name).weight.data = heads.repeat_interleave(2, dim=0).flatten(0, 1)
    features = torch.randn(2, 5, 8)
    assert torch.allclose(grouped(features), full(features), atol=1e-6)


def test_attention_that_knows_no_positions_follows_a_permutation():
    attention = Attention(8, 2)
    features = torch.randn(1, 4, 8)
    order = torch.tensor([2, 0, 3, 1])
    assert torch.allclose(attention(features)[:, order], attention(features[:, order]), atol=1e-6)
