"""See a diffusion model's activations as a map, and make the model draw from a region of it.

The public names below are imported when they are first used, so that importing the package (and
with it any part of the window) does not load torch. Nothing at all is imported here: see
`safe_path`.
"""

__version__ = "0.1.0"
__all__ = [
    "GeneratorAdapter",
    "__version__",
    "get_adapter",
    "list_adapters",
    "register_adapter",
    "unusable_adapters",
]

TYPE_CHECKING = False  # type checkers take it for that of `typing`
if TYPE_CHECKING:
    from diffviews_desktop.adapters.base import GeneratorAdapter
    from diffviews_desktop.adapters.registry import (
        get_adapter,
        list_adapters,
        register_adapter,
        unusable_adapters,
    )


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = "base" if name == "GeneratorAdapter" else "registry"
    return getattr(import_module(f"{__name__}.adapters.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
