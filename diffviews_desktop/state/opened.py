"""What is open: a data folder, a model of it, its samples, and their maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, ModelSummary
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapParameters, MapSpec
from diffviews_desktop.values.noise_levels import ExtractionInput
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import Told

MapKind = tuple[MapParameters | None, Told | None]


@dataclass(frozen=True, eq=False)
class Opened:
    """A data folder and the model of it that is shown.

    Attributes:
        folder: the folder and what replaces its settings.
        parameters: those asked for, of the map on screen; None for the folder's own or usual map.
        told: what the samples of that map were asked to be told, likewise.
        path: of the folder.
        is_demo: whether it is the bundled demo.
        models: of the folder.
        problems: what was wrong with it, as sentences.
        model: the name of the model that is shown.
        samples: of that model.
        default_layers: what is mapped where nobody chose.
        extraction_input: what the model sees when layers are extracted.
        layer_map: the map on screen; None while there is none.
        linked: the second map beside the first.
        assessment: what was found out about the map on screen; None while nobody asked.
        loaded: the model, once it is in memory.
        model_problem: why it could not be loaded.
        cached: the single layers whose maps are there, by the maps' parameters and what their
            samples are told.
        rate: how many pictures a second the model last extracted.
        pace: evaluations of the network a second with which the model drew, at best.
        directions: what is saved for the model.
        fingerprint: of the table of samples: it changes with them.
        settings_chosen: whether the settings of sampling are those of a session, and stay when the
            model is loaded.
        read_from: the files that say what the model is and which samples there are.
    """

    folder: FolderRef = field(default_factory=FolderRef)
    parameters: MapParameters | None = None
    told: Told | None = None
    path: Path | None = None
    is_demo: bool = False
    models: tuple[ModelSummary, ...] = ()
    problems: tuple[str, ...] = ()
    model: str | None = None
    samples: SampleTable | None = None

    def __post_init__(self) -> None:
        normalise(self, "default_layers")

    default_layers: LayerSet = NO_LAYERS
    extraction_input: ExtractionInput = "scaled"
    layer_map: LayerMap | None = None
    linked: LinkedMap | None = None
    assessment: MapAssessment | None = None
    loaded: ModelLoaded | None = None
    model_problem: str | None = None
    cached: Mapping[MapKind, frozenset[str]] = field(default_factory=dict)
    rate: float | None = None
    pace: float | None = None
    directions: tuple[DirectionInfo, ...] = ()
    fingerprint: str = ""
    settings_chosen: bool = False
    read_from: tuple[Path, ...] = ()

    def summary(self) -> ModelSummary | None:
        """The shown model's summary."""
        return next((model for model in self.models if model.name == self.model), None)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers of the model, once it is loaded."""
        return () if self.loaded is None else tuple(info.name for info in self.loaded.layers)

    @property
    def spec(self) -> MapSpec | None:
        """Which map is on screen."""
        if self.layer_map is None:
            return None
        return MapSpec(self.layer_map.model, self.layer_map.layers, self.parameters, self.told)

    @property
    def map_told(self) -> Told | None:
        """What the samples of the map on screen were told; None where nothing can be told."""
        if self.layer_map is None or (self.loaded is not None and self.loaded.told is None):
            return None
        return self.layer_map.told

    @property
    def map_told_words(self) -> str:
        """The same in words: a part of the map's title; empty where nothing can be told."""
        layer_map = self.layer_map
        return "" if layer_map is None or self.map_told is None else layer_map.told_words

    @property
    def map_told_note(self) -> str:
        """What to keep in mind about that; empty where there is nothing."""
        told = self.map_told
        if told is None or self.layer_map is None:
            return ""
        notes = self.loaded.told_notes if self.loaded is not None else {}
        return notes.get(told, self.layer_map.told_note)

    @property
    def takes_prompts(self) -> bool:
        """Whether the model takes prompts, as far as that is known."""
        if self.loaded is not None:
            return self.loaded.prompts
        return self.layer_map is not None and self.layer_map.prompts

    @property
    def unconditional(self) -> bool:
        """Whether the loaded model knows no classes."""
        return self.loaded is not None and self.loaded.num_classes == 0

    def class_names(self) -> tuple[tuple[int, str], ...]:
        """(number, name) of every class of the model, else of those among the samples."""
        if self.loaded is not None and self.loaded.class_names:
            return self.loaded.class_names
        classes = self.samples.classes() if self.samples is not None else []
        return tuple((number, name) for number, name, _ in classes if number >= 0)

    def with_cached(self, new: tuple[str, ...]) -> Opened:
        """With what these parameters have maps of, and further layers that were mapped."""
        if self.loaded is None:
            return self
        kind = (self.parameters, self.told)
        names = self.cached.get(kind, frozenset()) | set(new)
        layers = tuple(replace(info, cached=info.name in names) for info in self.loaded.layers)
        return replace(
            self,
            cached={**self.cached, kind: names},
            loaded=replace(self.loaded, layers=layers),
        )
