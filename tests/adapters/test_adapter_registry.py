"""Adapters by name, and those of other packages through real entry points."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tiny import DuckAdapter

from diffviews_desktop.adapters import registry
from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.dmd2_imagenet import DMD2ImageNetAdapter
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.edm_imagenet import EDMImageNetAdapter
from diffviews_desktop.errors import AdapterError

BUILT_IN = ["dmd2-imagenet-64", "edm", "edm-imagenet-64"]
OURS, DIFFVIEWS, ADAPT_DIFF = registry.ENTRY_POINT_GROUPS

# a whole adapter as a package of a third party has it: no base class, some members from __init__
POND = """
class Pond:
    model_type = "pond"

    def __init__(self):
        self.resolution, self.num_classes, self.hookable_layers = 8, 0, ["water"]

    @classmethod
    def from_checkpoint(cls, checkpoint_path, device="cuda", **kwargs):
        return cls()

    @classmethod
    def get_default_config(cls):
        return {}

    def forward(self, x, sigma, class_labels=None, **kwargs):
        return x

    def register_activation_hooks(self, layer_names, hook_fn):
        return []

    def get_layer_shapes(self):
        return {"water": (3, 8, 8)}

    def to(self, device):
        return self

    def eval(self):
        return self
"""

Install = Callable[..., None]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What a test registers is gone after it."""
    registry.discover_adapters()
    adapters, unusable = dict(registry._adapters), dict(registry._unusable)
    yield
    for stored, before in ((registry._adapters, adapters), (registry._unusable, unusable)):
        stored.clear()
        stored.update(before)
    registry._discovered = True


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages: their modules and metadata lie on the path as an installer leaves them.

    Adapters are looked for again when they are next asked for.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(package: str, groups: Mapping[str, Mapping[str, str]], **modules: str) -> None:
        for name, source in modules.items():
            (site / f"{name}.py").write_text(source, encoding="utf-8")
        info = site / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        lines = []
        for group, entries in groups.items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        registry._discovered = False

    yield make
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(site)):
            del sys.modules[name]


# ---- by name ------------------------------------------------------------------------------------


def test_built_in_adapters() -> None:
    assert {*BUILT_IN, "diffusers"} <= set(registry.list_adapters())
    assert registry.list_adapters() == sorted(registry.list_adapters())
    assert registry.get_adapter("edm") is EDMAdapter
    assert registry.get_adapter("edm-imagenet-64") is EDMImageNetAdapter
    assert registry.get_adapter("dmd2-imagenet-64") is DMD2ImageNetAdapter


def test_each_built_in_module_registers_and_each_adapter_names_itself() -> None:
    modules = {registry.get_adapter(name).__module__ for name in registry.list_adapters()}
    assert set(registry._BUILT_IN) <= modules
    for name in BUILT_IN:
        assert registry.get_adapter(name).name == name


def test_an_unknown_adapter_lists_those_available() -> None:
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
    registry.register_adapter_class("edm", EDMAdapter)
    assert registry.get_adapter("edm") is EDMAdapter


def test_what_a_program_registers_before_the_first_discovery_is_kept() -> None:
    script = """
import sys
from diffviews_desktop.adapters import registry

@registry.register_adapter("edm")
class Mine:
    pass

assert "diffviews_desktop.adapters.edm" not in sys.modules
assert {"edm", "edm-imagenet-64", "dmd2-imagenet-64"} <= set(registry.list_adapters())
assert "diffviews_desktop.adapters.edm" in sys.modules
assert registry.get_adapter("edm") is Mine
assert registry.get_adapter("edm-imagenet-64").__module__.startswith("diffviews_desktop.")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---- other packages -----------------------------------------------------------------------------


@pytest.mark.parametrize("group", registry.ENTRY_POINT_GROUPS)
def test_each_group_is_honoured(install: Install, group: str) -> None:
    install("pond-package", {group: {"pond": "pond:Pond"}}, pond=POND)
    assert "pond" in registry.list_adapters()
    assert registry.get_adapter("pond").__module__ == "pond"
    assert registry.unusable_adapters() == {}


def test_a_package_may_name_its_adapter_in_every_group_and_by_the_decorator(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    source = (
        "from diffviews_desktop import register_adapter\n"
        + POND.replace("class Pond", "@register_adapter('pond')\nclass Pond")
        + "\n@register_adapter('lake')\nclass Lake(Pond):\n    pass\n"
    )
    entries = {"pond": "pond:Pond", "lake": "pond:Lake"}
    install("pond-package", dict.fromkeys(registry.ENTRY_POINT_GROUPS, entries), pond=source)
    assert registry.get_adapter("pond").__name__ == "Pond"
    assert registry.get_adapter("lake").__name__ == "Lake"
    assert registry.unusable_adapters() == {}
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('no water')", "importing pond:Pond failed with OSError: no water;"),
        ("raise SystemExit(3)", "importing pond:Pond failed with SystemExit: 3;"),
        ("raise GeneratorExit", "importing pond:Pond failed with GeneratorExit;"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module';"),
        ("raise ValueError('first.\\nsecond')", "failed with ValueError: first;"),
        ("def Pond(): pass", "pond:Pond is not a class;"),
        ("Pond = 3", "pond:Pond is not a class;"),
        ("Lake = 3", "AttributeError: module 'pond' has no attribute 'Pond';"),
        (POND.replace("def forward", "def backward"), "pond:Pond lacks forward;"),
        (
            "class Pond:\n    def eval(self): return self\n    def to(self, device): return self",
            "pond:Pond lacks from_checkpoint, get_default_config, forward, "
            "register_activation_hooks, get_layer_shapes;",
        ),
    ],
)
def test_an_adapter_that_cannot_be_used_is_listed_with_its_reason(
    install: Install, caplog: pytest.LogCaptureFixture, source: str, reason: str
) -> None:
    install("pond-package", {OURS: {"pond": "pond:Pond"}}, pond=source)
    install("lake-package", {ADAPT_DIFF: {"lake": "lake:Pond"}}, lake=POND)
    with caplog.at_level(logging.WARNING, registry.__name__):
        assert "pond" not in registry.list_adapters()
    assert {*BUILT_IN, "lake"} <= set(registry.list_adapters())
    text = registry.unusable_adapters()["pond"]
    assert set(registry.unusable_adapters()) == {"pond"}
    assert text.startswith("The adapter 'pond' of the package pond-package cannot be used: ")
    assert reason in text
    assert text.endswith("; update or uninstall that package.")
    assert "\n" not in text
    assert text in caplog.text
    with pytest.raises(AdapterError) as caught:
        registry.get_adapter("pond")
    assert str(caught.value) == text


def test_a_decorated_class_is_checked_as_well(install: Install) -> None:
    source = (
        "from diffviews_desktop import register_adapter\n"
        + POND
        + "\n@register_adapter('well')\nclass Well:\n    pass\n"
    )
    install("pond-package", {OURS: {"pond": "pond:Pond", "well": "pond:Well"}}, pond=source)
    assert "pond" in registry.list_adapters()
    assert "well" not in registry.list_adapters()
    assert "pond:Well lacks from_checkpoint" in registry.unusable_adapters()["well"]


def test_abstract_members_are_lacking_too(install: Install) -> None:
    source = (
        "from diffviews_desktop import GeneratorAdapter\n"
        + POND.replace("class Pond", "class Pond(GeneratorAdapter)")
        + "    resolution = 8\n    num_classes = 0\n"
    )
    assert "forward" in GeneratorAdapter.__abstractmethods__
    install("pond-package", {OURS: {"pond": "pond:Pond"}}, pond=source)
    assert "pond:Pond lacks hookable_layers;" in registry.unusable_adapters()["pond"]


def test_an_interrupt_ends_the_discovery_and_the_next_one_is_whole(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os\nif 'DRY' in os.environ:\n    raise KeyboardInterrupt\n" + POND
    install("pond-package", {OURS: {"pond": "pond:Pond"}}, pond=source)
    monkeypatch.setenv("DRY", "1")
    with pytest.raises(KeyboardInterrupt):
        registry.list_adapters()
    monkeypatch.delenv("DRY")
    assert {*BUILT_IN, "pond"} <= set(registry.list_adapters())


def test_damaged_metadata_hides_no_other_package(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install("lake-package", {OURS: {"lake": "lake:Pond"}}, lake=POND)
    install("pond-package", {OURS: {}})
    install("well-package", {OURS: {"well": "not a module:3"}})
    damaged = tmp_path / "site" / "pond_package-1.0.dist-info" / "entry_points.txt"
    damaged.write_text("[diffviews_desktop.adapters]\nno equals sign\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING, registry.__name__):
        assert "lake" in registry.list_adapters()
    assert "The entry points of a package cannot be read" in caplog.text
    assert set(registry.unusable_adapters()) == {"well"}
    assert "importing not a module:3 failed with" in registry.unusable_adapters()["well"]


# ---- names that are taken -----------------------------------------------------------------------


def test_built_in_adapters_keep_their_names(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    entries = {group: {"edm": "pond:Pond"} for group in registry.ENTRY_POINT_GROUPS}
    install("pond-package", entries, pond=POND)
    with caplog.at_level(logging.WARNING, registry.__name__):
        assert registry.get_adapter("edm") is EDMAdapter
    assert registry.unusable_adapters() == {
        "edm (pond-package)": "The adapter 'edm' of the package pond-package cannot be used: "
        "a built-in adapter has that name already; have one of them renamed or uninstalled."
    }
    assert caplog.messages == [*registry.unusable_adapters().values()]
    assert "pond" not in sys.modules


def test_importing_a_package_takes_no_name_from_another_adapter(install: Install) -> None:
    decorated = "from diffviews_desktop import register_adapter\n" + POND.replace(
        "class Pond", "@register_adapter('edm')\nclass Pond"
    )
    install("pond-package", {OURS: {"pond": "pond:Pond"}}, pond=decorated)
    broken = decorated.replace("'edm'", "'well'") + "\nraise OSError('no water')\n"
    install("well-package", {OURS: {"deep": "well:Pond"}}, well=broken)
    assert registry.get_adapter("edm") is EDMAdapter
    assert registry.get_adapter("pond").__module__ == "pond"
    assert "well" not in registry.list_adapters()
    assert set(registry.unusable_adapters()) == {"deep"}


def test_what_the_program_registered_keeps_its_name(install: Install) -> None:
    install("pond-package", {OURS: {"duck": "pond:Pond"}}, pond=POND)
    registry.register_adapter_class("duck", DuckAdapter)
    assert registry.get_adapter("duck") is DuckAdapter
    assert list(registry.unusable_adapters()) == ["duck (pond-package)"]
    assert "the program registered itself" in registry.unusable_adapters()["duck (pond-package)"]


def test_a_package_that_the_program_imported_first_is_no_other_one(install: Install) -> None:
    source = "from diffviews_desktop import register_adapter\n" + POND.replace(
        "class Pond", "@register_adapter('pond')\nclass Pond"
    )
    install("pond-package", {OURS: {"pond": "pond:Pond"}}, pond=source)
    __import__("pond")
    assert registry.get_adapter("pond").__module__ == "pond"
    assert registry.unusable_adapters() == {}


@pytest.mark.parametrize(
    ("alder", "birch", "winner"),
    [
        (OURS, OURS, "alder"),  # of one group: by the packages' names
        (DIFFVIEWS, OURS, "birch"),
        (ADAPT_DIFF, DIFFVIEWS, "birch"),
        (DIFFVIEWS, ADAPT_DIFF, "alder"),
    ],
)
def test_of_two_packages_the_first_has_the_name(
    install: Install, alder: str, birch: str, winner: str
) -> None:
    install("birch", {birch: {"tree": "birch_module:Pond"}}, birch_module=POND)
    install("Alder", {alder: {"tree": "alder_module:Pond"}}, alder_module=POND)
    assert registry.get_adapter("tree").__module__ == f"{winner}_module"
    won, lost = ("Alder", "birch") if winner == "alder" else ("birch", "Alder")
    assert registry.unusable_adapters() == {
        f"tree ({lost})": f"The adapter 'tree' of the package {lost} cannot be used: the package "
        f"{won} has that name already; have one of them renamed or uninstalled."
    }


def test_an_adapter_that_cannot_be_used_leaves_its_name_to_the_next(install: Install) -> None:
    install("alder", {OURS: {"tree": "alder_module:Pond"}}, alder_module="1 / 0")
    install("birch", {OURS: {"tree": "birch_module:Pond"}}, birch_module=POND)
    assert registry.get_adapter("tree").__module__ == "birch_module"
    assert "ZeroDivisionError" in registry.unusable_adapters()["tree (alder)"]


def test_two_adapters_of_one_name_that_cannot_be_used(install: Install) -> None:
    install("alder", {OURS: {"tree": "alder_module:Pond"}}, alder_module="1 / 0")
    install("birch", {OURS: {"tree": "birch_module:Pond"}}, birch_module="import nowhere_at_all")
    assert list(registry.unusable_adapters()) == ["tree", "tree (birch)"]
    assert "ZeroDivisionError" in registry.unusable_adapters()["tree"]
    assert "ModuleNotFoundError" in registry.unusable_adapters()["tree (birch)"]
    registry.register_adapter_class("tree", DuckAdapter)
    assert registry.get_adapter("tree") is DuckAdapter
    assert list(registry.unusable_adapters()) == ["tree (birch)"]
