from __future__ import annotations

import pytest

from defib.ensemble.kernel.compilation import CACHE_VARIABLE


@pytest.fixture(autouse=True, scope="session")
def _kernels_of_these_tests(tmp_path_factory: pytest.TempPathFactory):
    """Compiled code of tests stays out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("kernels")))
        yield
