from defib.records.run import LoaderFact, LossFact
from defib.records.site import Site
from defib.rules.data.training_loader import data_site, unshuffled_loader
from defib.testing import make_run

TRAINING = LoaderFact("DataLoader", batch_size=32, shuffle=False, length=10, site=Site("a.py", 1))
VALIDATION = LoaderFact(
    "DataLoader", batch_size=200, shuffle=False, length=99, site=Site("a.py", 2)
)
SHUFFLED = LoaderFact("DataLoader", batch_size=32, shuffle=True, length=10, site=Site("a.py", 3))
LOSS = LossFact("SGD", backward_site=Site("a.py", 4))


def run_with(*loaders: LoaderFact):
    return make_run(facts={"loaders": loaders, "losses": (LOSS,)})


def test_unshuffled_loader_has_the_batch_size_of_the_training():
    assert unshuffled_loader(run_with(VALIDATION, TRAINING), 32.0) is TRAINING


def test_longest_unshuffled_loader_if_no_batch_size_fits():
    assert unshuffled_loader(run_with(TRAINING, VALIDATION), 7.0) is VALIDATION


def test_no_unshuffled_loader_if_all_shuffle():
    assert unshuffled_loader(run_with(SHUFFLED), 32.0) is None


def test_data_site_is_the_shuffling_loader():
    assert data_site(run_with(VALIDATION, SHUFFLED), "SGD") == SHUFFLED.site


def test_data_site_is_the_backward_call_without_loaders():
    assert data_site(run_with(), "SGD") == LOSS.backward_site


def test_no_data_site_without_loss_and_loaders():
    assert data_site(make_run(facts={"losses": ()}), "SGD") is None
