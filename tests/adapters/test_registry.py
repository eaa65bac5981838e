"""Adapters by name, and those of other packages through real entry points."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import DuckAdapter

from diffviews_desktop.adapters import registry
from diffviews_desktop.adapters.dmd2_imagenet import DMD2ImageNetAdapter
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.edm_imagenet import EDMImageNetAdapter
from diffviews_desktop.errors import AdapterError

BUILT_IN = ["dmd2-imagenet-64", "edm", "edm-imagenet-64"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What a test registers is gone after it."""
    registry.discover_adapters()
    before = dict(registry._adapters)
    yield
    registry._adapters.clear()
    registry._adapters.update(before)


def test_built_in_adapters() -> None:
    assert set(BUILT_IN) <= set(registry.list_adapters())
    assert registry.list_adapters() == sorted(registry.list_adapters())
    assert registry.get_adapter("edm") is EDMAdapter
    assert registry.get_adapter("edm-imagenet-64") is EDMImageNetAdapter
    assert registry.get_adapter("dmd2-imagenet-64") is DMD2ImageNetAdapter


def test_each_built_in_adapter_names_itself() -> None:
    for name in BUILT_IN:
        assert registry.get_adapter(name).name == name


def test_32_an_unknown_adapter_lists_those_available() -> None:
    with pytest.raises(AdapterError) as caught:
        registry.get_adapter("dalle")
    assert "'dalle'" in str(caught.value)
    for name in BUILT_IN:
        assert name in str(caught.value)


def test_register_and_unregister() -> None:
    assert registry.register_adapter("duck")(DuckAdapter) is DuckAdapter
    assert registry.get_adapter("duck") is DuckAdapter
    assert "duck" in registry.list_adapters()
    assert registry.unregister_adapter("duck") is DuckAdapter
    assert registry.unregister_adapter("duck") is None
    with pytest.raises(AdapterError):
        registry.get_adapter("duck")


def test_a_later_registration_replaces_an_earlier_one() -> None:
    registry.register_adapter_class("edm", DuckAdapter)
    assert registry.get_adapter("edm") is DuckAdapter


def test_entry_points_of_installed_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A package adds its adapter; one that cannot be imported is left out and logged; none can
    take the name of a built-in one."""
    (tmp_path / "pond_package.py").write_text("class Pond:\n    pass\n", encoding="utf-8")
    (tmp_path / "dry_package.py").write_text("raise OSError('no water')\n", encoding="utf-8")
    info = tmp_path / "pond_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pond-package\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        "[diffviews_desktop.adapters]\n"
        "dry = dry_package:Dry\n"
        "pond = pond_package:Pond\n"
        "edm = pond_package:Pond\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_discovered", False)
    with caplog.at_level(logging.WARNING, registry.__name__):
        assert "pond" in registry.list_adapters()
    assert registry.get_adapter("pond").__module__ == "pond_package"
    assert registry.get_adapter("edm") is EDMAdapter
    assert "dry" not in registry.list_adapters()
    assert "The adapter dry cannot be used: no water" in caplog.text
