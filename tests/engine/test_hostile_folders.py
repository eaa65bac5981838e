"""Whatever a data folder holds, jobs end with a result or with one sentence."""

from __future__ import annotations

import warnings
from random import Random

import pytest
from hostile_folders import HostileFolder
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> HostileFolder:
    return HostileFolder(tmp_path_factory.mktemp("hostile"))


def test_the_folder_can_be_used_as_it_is(folder: HostileFolder) -> None:
    folder.restore()  # whichever test comes first
    names = [name for name, refused in folder.use(Random(0)) if refused is None]
    assert set(names) - {"replay"} == {
        "open", "load", "map", "export", "average", "extract", "generate",
    }  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**9))
@example(312)  # a layer's name of ten thousand letters
def test_a_folder_that_holds_anything(folder: HostileFolder, seed: int) -> None:
    random = Random(seed)
    names = folder.change(random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for job, refused in folder.use(random):
            if refused is not None:
                said = str(refused)
                assert said.strip(), (names, job)
                assert len(said) < 2000, (names, job, said)
