from defib.records.finding import Severity
from defib.records.run import Coverage
from defib.rules.process.monitor_blind import MonitorBlind
from defib.testing import make_run

rule = MonitorBlind()
SEEN = Coverage(sampled_steps=10, backward_calls=10)
LOSS = [1.0] * 10


def messages(coverage: Coverage, **metrics) -> list[str]:
    found = rule.evaluate(make_run(facts={"coverage": coverage, "steps": 10}, **metrics))
    assert isinstance(found, tuple)
    return [finding.message for finding in found]


def test_silent_where_everything_was_seen():
    assert messages(SEEN, loss=LOSS) == []


def test_reports_steps_without_backward():
    [message] = messages(Coverage(sampled_steps=10))
    assert "10 steps" in message
    assert "no call of `backward`" in message


def test_reports_backward_calls_without_a_loss():
    [message] = messages(SEEN)
    assert "`backward` was called 10 times" in message


def test_reports_a_compiled_graph_without_activations():
    coverage = Coverage(10, 10, opaque=("CompiledFunctionBackward",))
    found = rule.evaluate(make_run(facts={"coverage": coverage}, loss=LOSS))
    assert isinstance(found, tuple)
    [finding] = found
    assert "CompiledFunctionBackward" in finding.message
    assert "TORCH_COMPILE_DISABLE=1" in finding.remedy


def test_silent_on_an_opaque_node_beside_activations():
    coverage = Coverage(10, 10, opaque=("CheckpointFunctionBackward",))
    assert messages(coverage, loss=LOSS, activation_mean={"fc1": LOSS}) == []


def test_reports_tensors_that_were_never_readable():
    [message] = messages(Coverage(10, 10, unreadable_steps=10), loss=LOSS)
    assert "none of the 10 recorded steps" in message


def test_silent_where_one_step_was_readable():
    assert messages(Coverage(10, 10, unreadable_steps=9), loss=LOSS) == []


def test_silent_without_training():
    assert rule.evaluate(make_run()) == ()


def test_is_information():
    [finding] = rule.evaluate(make_run(facts={"steps": 10}))
    assert finding.severity is Severity.INFO
