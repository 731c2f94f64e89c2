import io
import warnings

import pytest
import torch
from torch.optim import SGD, Adagrad, Adam, Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, ConstantLR, SequentialLR

from defib.errors import UsageError
from defib.schedules.base import Schedule
from defib.schedules.batch_growth import BatchGrowth
from defib.schedules.constant import Constant
from defib.schedules.one_cycle import OneCycle
from defib.schedules.polynomial import Polynomial
from defib.schedules.step import Step
from defib.schedules.triangular import Triangular
from defib.schedules.warm_up import WarmUp
from defib.training.scheduled_learning_rate import ScheduledLearningRate

PLAN = WarmUp(OneCycle(0.4, 20), 5, 0.1)


def parameter() -> torch.Tensor:
    return torch.ones(1, requires_grad=True)


def used(optimizer: Optimizer, scheduler: ScheduledLearningRate, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("kind", [SGD, Adam, Adagrad, torch.optim.AdamW, torch.optim.RMSprop])
def test_every_optimizer_uses_what_is_planned(kind):
    optimizer = kind([parameter()], lr=0.7)
    scheduler = ScheduledLearningRate(optimizer, PLAN)
    assert used(optimizer, scheduler, 25) == PLAN.values(25).tolist()


def test_the_end_of_the_plan_is_no_end_of_the_run():
    optimizer = SGD([parameter()], lr=0.1)
    scheduler = ScheduledLearningRate(optimizer, OneCycle(1.0, 5))
    assert used(optimizer, scheduler, 9)[5:] == [OneCycle(1.0, 5).at(5)] * 4


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_momentum_is_left_alone(momentum: float):
    optimizer = SGD([parameter()], lr=0.1, momentum=momentum)
    used(optimizer, ScheduledLearningRate(optimizer, OneCycle(1.0, 5)), 7)
    assert optimizer.param_groups[0]["momentum"] == momentum


def test_momentum_follows_a_schedule_of_its_own_where_one_is_given():
    plan = Triangular(0.95, 0.85, 2)
    sgd, adam = SGD([parameter()], lr=0.1, momentum=0.9), Adam([parameter()], lr=0.1)
    for optimizer in (sgd, adam):
        scheduler = ScheduledLearningRate(optimizer, Constant(0.1), momentum=plan)
        used(optimizer, scheduler, 1)
    assert sgd.param_groups[0]["momentum"] == plan.at(1)
    assert adam.param_groups[0]["betas"] == (plan.at(1), 0.999)


def test_a_momentum_that_is_not_there_is_an_error():
    with pytest.raises(UsageError, match="Adagrad has no momentum"):
        ScheduledLearningRate(Adagrad([parameter()], lr=0.1), Constant(0.1), momentum=Constant(0.9))


def groups(*rates: float) -> SGD:
    return SGD([{"params": [parameter()], "lr": rate} for rate in rates], lr=1.0)


def test_each_group_may_have_a_schedule_of_its_own():
    optimizer = groups(0.1, 0.2)
    ScheduledLearningRate(optimizer, [Constant(0.3), Constant(0.4)])
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.4]


def test_groups_of_different_rates_are_not_made_equal_silently():
    with pytest.raises(UsageError, match="one schedule would make them equal"):
        ScheduledLearningRate(groups(0.1, 0.2), Constant(0.3))


def test_schedules_that_are_neither_one_nor_one_for_each_group_are_an_error():
    with pytest.raises(UsageError, match="3 parameter groups, and 2 schedules"):
        ScheduledLearningRate(groups(0.1, 0.1, 0.1), [Constant(0.3)] * 2)


def test_a_schedule_of_batch_sizes_is_no_learning_rate():
    with pytest.raises(UsageError, match="plans a batch size"):
        ScheduledLearningRate(groups(0.1), BatchGrowth(10))


def test_a_group_that_is_added_later_follows_too():
    optimizer = groups(0.1)
    scheduler = ScheduledLearningRate(optimizer, Step(0.1, 1, 0.5))
    optimizer.add_param_group({"params": [parameter()], "lr": 9.0})
    used(optimizer, scheduler, 1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.05]


def test_a_learning_rate_that_is_a_tensor_stays_the_same_tensor():
    optimizer = Adam([parameter()], lr=torch.tensor(0.1))
    rate = optimizer.param_groups[0]["lr"]
    used(optimizer, ScheduledLearningRate(optimizer, Step(0.5, 1, 0.5)), 1)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25


def saved_and_loaded(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


@pytest.mark.parametrize("stop", [0, 1, 7, 30])
def test_a_resumed_run_equals_one_that_was_not_interrupted(stop: int):
    optimizer = Adam([parameter()], lr=0.1)
    scheduler = ScheduledLearningRate(optimizer, PLAN, momentum=Constant(0.8))
    used(optimizer, scheduler, stop)
    states = saved_and_loaded([optimizer.state_dict(), scheduler.state_dict()])
    expected = used(optimizer, scheduler, 10)

    again = Adam([parameter()], lr=0.1)
    resumed = ScheduledLearningRate(again, PLAN, momentum=Constant(0.8))
    again.load_state_dict(states[0])
    resumed.load_state_dict(states[1])
    assert resumed.get_last_lr() == [PLAN.at(stop)]
    assert used(again, resumed, 10) == expected


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (OneCycle(0.4, 200), "steps of group 0 was 100 and is now 200"),
        (OneCycle(0.4, 100, end=0.0), "end of group 0 was None and is now 0.0"),
        (Polynomial(0.4, 100), "schedule of group 0 was one-cycle and is now polynomial"),
        (WarmUp(OneCycle(0.4, 100), 5), "then.peak of group 0 was not there and is now 0.4"),
    ],
)
def test_another_plan_is_refused_and_nothing_changes(other: Schedule, said: str):
    state = ScheduledLearningRate(groups(0.1), OneCycle(0.4, 100)).state_dict()
    optimizer = groups(0.1)
    scheduler = ScheduledLearningRate(optimizer, other)
    used(optimizer, scheduler, 2)
    before = scheduler.state_dict()
    with pytest.raises(UsageError) as caught:
        scheduler.load_state_dict(state)
    assert said in str(caught.value)
    assert scheduler.state_dict() == before


def test_a_schedule_for_the_momentum_that_is_new_is_refused():
    state = ScheduledLearningRate(groups(0.1), Constant(0.1)).state_dict()
    scheduler = ScheduledLearningRate(groups(0.1), Constant(0.1), momentum=Constant(0.9))
    with pytest.raises(UsageError, match=r"value of momentum was not there and is now 0\.9"):
        scheduler.load_state_dict(state)


def test_the_state_of_another_scheduler_is_refused():
    scheduler = ScheduledLearningRate(groups(0.1), Constant(0.1))
    with pytest.raises(UsageError, match="another scheduler's state"):
        scheduler.load_state_dict(ConstantLR(groups(0.1)).state_dict())


def test_a_new_plan_may_begin_at_a_later_step():
    optimizer = groups(0.1)
    scheduler = ScheduledLearningRate(optimizer, PLAN, first_step=7)
    assert used(optimizer, scheduler, 5) == PLAN.values(12)[7:].tolist()


def test_it_can_follow_another_scheduler():
    optimizer = groups(1.0)
    first = ConstantLR(optimizer, 0.5, total_iters=10)
    plan = Step(0.4, 2, 0.5)
    second = ScheduledLearningRate(optimizer, plan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The epoch parameter")  # SequentialLR's own
        scheduler = SequentialLR(optimizer, [first, second], milestones=[3])
        rates = []
        for _ in range(7):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    assert rates[3:] == plan.values(4).tolist()


def test_it_can_be_one_of_a_chain():
    optimizer = groups(1.0)
    chain = ChainedScheduler([ScheduledLearningRate(optimizer, Step(0.4, 1, 0.5))])
    optimizer.step()
    chain.step()
    assert chain.get_last_lr() == [0.2]


def test_the_wrong_order_is_still_warned_of():
    scheduler = ScheduledLearningRate(groups(0.1), Constant(0.1))
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
