"""What the handlers of jobs work with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from diffviews_desktop.engine.job_control import JobControl
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.model_holder import ModelHolder
from diffviews_desktop.engine.open_folders import OpenFolders
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.engine.protocol import Event
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.models import ModelFacts, Numerics

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model


class Workspace:
    """The open folders, the loaded model, and the maps; a `Host` for all that works with them.

    Args:
        control: of the job in progress.
        device: as `Engine` takes it.
        threads: torch threads on the CPU; None leaves torch's own choice.
        parameters: of maps where nobody chose any.

    Attributes:
        folders: the data folders that are open.
        model: the one model that is held.
        maps: where maps and activations come from.
    """

    def __init__(
        self,
        control: JobControl,
        device: str,
        threads: int | None,
        parameters: MapParameters | None,
    ) -> None:
        self._control = control
        self.folders = OpenFolders(control.check)
        self.maps = MapMaker(self, parameters)
        self.model = ModelHolder(device, threads, control, self.maps.forget)

    def open(self, folder: FolderRef, model: str) -> OpenedModel:
        """A model's folder with its samples: see `OpenFolders.model`."""
        return self.folders.model(folder, model)

    def model_of(self, opened: OpenedModel) -> Model:
        """A model, loaded; another one is released first."""
        return self.model.model_of(opened)

    def facts_if_loaded(self, opened: OpenedModel) -> ModelFacts | None:
        """What is known of a model; None where it is not the one that is held."""
        return self.model.facts_if_loaded(opened)

    def numerics(self, opened: OpenedModel) -> Numerics:
        """How the network of a model computes here; it need not be loaded."""
        return self.model.numerics(opened)

    def prepare(self, model: Model) -> None:
        """Before a longer run: some adapters measure what is fastest for them."""
        self.model.prepare(model)

    def interruptible(self, model: Model) -> AbstractContextManager[None]:
        """Look at the cancel flag after every layer: one forward of a large model takes long."""
        return self.model.interruptible(model)

    def check(self) -> None:
        """Raise `Cancelled` where the job is to end."""
        self._control.check()

    def emit(self, event: Event) -> None:
        """Tell something of the running job."""
        self._control.emit(event)

    def progress(
        self,
        stage: str,
        fraction: float | None = None,
        detail: str = "",
        seconds_left: float | None = None,
    ) -> None:
        """Tell how far the job is; raises `Cancelled` where it is to end."""
        self._control.progress(stage, fraction, detail, seconds_left)
