import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.dropouts import still_dropping
from defib.analysis.inspection import inspect
from defib.records.architecture import DropoutRecord


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.dropout = nn.Linear(3, 4), nn.Dropout(0.25)

    def forward(self, features: Tensor) -> Tensor:
        features = self.dropout(self.layer(features))
        features = F.dropout(features, p=0.5, training=self.training)
        return F.dropout(features.relu(), 0.75)


def test_every_dropout_is_written_down_once_and_in_its_place():
    architecture = inspect(Dropping(), (2, 3))
    found = architecture.dropouts
    assert [each.probability for each in found] == [0.25, 0.5, 0.75]
    assert [each.layer for each in found] == ["dropout", "", ""]
    assert [each.is_always_on for each in found] == [False, False, True]
    kinds = [architecture.operations[each.after].kind for each in found]
    assert kinds == ["aten.addmm", "aten.addmm", "aten.relu"]
    assert [each.site.code for each in found if each.site] == [
        "features = self.dropout(self.layer(features))",
        "features = F.dropout(features, p=0.5, training=self.training)",
        "return F.dropout(features.relu(), 0.75)",
    ]


def test_a_dropout_of_the_input_comes_after_no_operation():
    [dropout] = inspect(nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 2)), (2, 3)).dropouts
    assert (dropout.after, dropout.before) == (-1, 0)


def test_nothing_is_drawn():
    network = Dropping()
    state = torch.get_rng_state()
    inspect(network, (2, 3))
    assert torch.equal(torch.get_rng_state(), state)


def test_always_on_are_as_many_as_drop_units_where_nothing_trains():
    trained = [DropoutRecord("(Dropout)", 0.2, 0, 1, is_always_on=True) for _ in range(3)]
    found = still_dropping(trained, [DropoutRecord("(Dropout)", 0.2, 5, 6, is_always_on=True)])
    assert [each.is_always_on for each in found] == [True, False, False]
    assert [each.after for each in found] == [0, 0, 0]


def test_a_dropout_that_is_off_where_nothing_trains_is_not_always_on():
    trained = [DropoutRecord("", 0.2, 0, 1, is_always_on=True)]
    [found] = still_dropping(trained, [DropoutRecord("", 0.2, 0, 1, is_always_on=False)])
    assert not found.is_always_on
