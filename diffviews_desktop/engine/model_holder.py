"""The one model that the engine holds, loaded when it is first needed."""

from __future__ import annotations

import inspect
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffviews_desktop.data.checkpoints.files import identity
from diffviews_desktop.data.folder.dataset import ModelFolder
from diffviews_desktop.engine.activations import device_kind, numerics_of
from diffviews_desktop.engine.job_control import JobControl
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import (
    AdapterError,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
    brief,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.models import ModelFacts, Numerics

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model

log = logging.getLogger(__name__)


class ModelHolder:
    """Loads adapters and holds one of them, the previous one being released first.

    Args:
        device: as `Engine` takes it.
        threads: torch threads on the CPU; None leaves torch's own choice.
        control: of the job in progress.
        on_release: called when a model was let go of, to do the same with what belongs to it.
    """

    def __init__(
        self,
        device: str,
        threads: int | None,
        control: JobControl,
        on_release: Callable[[], None],
    ) -> None:
        self._device = device
        self._threads = threads
        self._control = control
        self._on_release = on_release
        self._key: tuple[str, str, str] | None = None
        self.held: Model | None = None
        """What is held; None where nothing is."""

    def model_of(self, opened: OpenedModel) -> Model:
        """A model, loaded; another one is released first."""
        check_conditioning(opened.folder)
        key = _key_of(opened)  # a file that was replaced is loaded again
        if self.held is not None and self._key == key:
            return self.held
        self._control.progress("loading the model")
        self.release()
        name = opened.folder.config.adapter
        self.held = self._load(name, opened.folder.checkpoint(), _options_of(opened))
        self._key = key
        return self.held

    def facts_if_loaded(self, opened: OpenedModel) -> ModelFacts | None:
        """What is known of a model; None where it is not the one that is held."""
        if self.held is None:
            return None
        try:
            return self.held.facts if self._key == _key_of(opened) else None
        except DataError:  # it has no checkpoint
            return None

    def has_loaded(self, checkpoint: Path) -> bool:
        """Whether what is held was read from this file."""
        return self._key is not None and self._key[1] == str(checkpoint)

    def keep_for(self, opened: OpenedModel) -> None:
        """What is held is this model, whose checkpoint has the same values in another file now."""
        self._key = _key_of(opened)

    def release(self) -> None:
        """Let go of the model and of the memory that it takes."""
        if self.held is None:
            return
        self.held = self._key = None
        self._on_release()
        import gc

        from diffviews_desktop.adapters.device import release_memory

        gc.collect()
        release_memory()

    def _load(self, name: str, checkpoint: Path, options: Mapping[str, Any]) -> Model:
        from diffviews_desktop.adapters.device import get_device, is_out_of_memory
        from diffviews_desktop.adapters.model import as_model
        from diffviews_desktop.adapters.registry import get_adapter

        self._control.check()
        adapter_class = get_adapter(name)
        arguments: dict[str, Any] = {
            key: value for key, value in options.items() if value is not None
        }
        if "progress" in inspect.signature(adapter_class.from_checkpoint).parameters:
            arguments["progress"] = lambda fraction: self._control.progress(
                "loading the model", fraction
            )
        device = get_device(self._device)
        try:
            adapter = adapter_class.from_checkpoint(str(checkpoint), device=device, **arguments)
            adapter.eval()
            model = as_model(adapter)
            _ = model.facts  # now, so that they are checked
            return model
        except DiffViewsError:
            raise
        except Exception as error:  # another package's code: anything can happen in it
            log.info("the adapter failed", exc_info=True)
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"{checkpoint.name} does not fit in the memory of {device}. Close other "
                    "programs that use it, or choose --device cpu."
                ) from error
            raise AdapterError(
                f"The adapter {name} could not load {checkpoint.name} ({brief(error)}). Check the "
                "file, or ask the author of the adapter."
            ) from error

    def numerics(self, opened: OpenedModel) -> Numerics:
        """How the network of a model computes here; it need not be loaded."""
        return numerics_of(self._device_kind, opened.precision, opened.folder.config.adapter)

    @cached_property
    def _device_kind(self) -> str:
        return device_kind(self._device)

    # ---- while it runs --------------------------------------------------------------------------

    def prepare(self, model: Model) -> None:
        """Before a longer run: some adapters measure what is fastest for them."""
        from diffviews_desktop.adapters.device import is_out_of_memory, release_memory

        try:
            with self.interruptible(model):
                model.prepare()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            log.info("no memory to measure in: %s", brief(error))
            release_memory()

    @contextmanager
    def interruptible(self, model: Model) -> Iterator[None]:
        """Look at the cancel flag after every layer: one forward of a large model takes long."""

        def hook(module: Any, inputs: Any, output: Any) -> None:
            self._control.check()

        import torch

        if self._threads is not None:  # each time: making a map sets it back
            torch.set_num_threads(self._threads)
        handles = model.register_activation_hooks(model.hookable_layers, hook)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def fault_of(self, error: Exception) -> AdapterError | None:
        """What to say of an error that another package's adapter raised; None for all others."""
        if self.held is None or not _raised_in(type(self.held.adapter).__module__, error):
            return None
        assert self._key is not None
        return AdapterError(
            f"The adapter {self._key[0]} failed ({brief(error)}). Ask its author, or "
            "choose another model."
        )


def check_conditioning(folder: ModelFolder) -> None:
    """Look whether a model is told what the program can tell it.

    Raises:
        AdapterError: it is told a text, say, and its adapter does not take conditions of its own.
    """
    from diffviews_desktop.adapters.registry import get_adapter

    told = folder.told_otherwise
    if not told:
        return
    try:
        if hasattr(get_adapter(folder.config.adapter), "encode"):
            return
    except AdapterError:  # there is none; the reason below says more
        pass
    raise AdapterError(
        f"{folder.name} is conditioned on {visible(told, MOST_OF_NAME)}, and this version runs "
        "models that are told a class or nothing. You can look at its map, samples and captions; "
        "to draw with it or to map other layers, install an adapter for it and name that in "
        "config.json."
    )


def _options_of(opened: OpenedModel) -> dict[str, Any]:
    config = opened.folder.config
    return {
        "label_dropout": config.label_dropout,
        "precision": opened.precision,
        "weights": config.weights,
    }


def _key_of(opened: OpenedModel) -> tuple[str, str, str]:
    checkpoint = opened.folder.checkpoint()
    facts = json.dumps([identity(checkpoint), _options_of(opened)])
    return opened.folder.config.adapter, str(checkpoint), facts


def _raised_in(module: str, error: BaseException) -> bool:
    """Whether an error came through another package's code: that of a module."""
    package = module.partition(".")[0]
    if package == __name__.partition(".")[0]:
        return False
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(f.f_globals.get("__name__")).partition(".")[0] == package for f in frames)
