"""Making data folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.pictures.labels.class_map import ClassPairs
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.told import Told


@dataclass(frozen=True, kw_only=True)
class ImportData(Job["DataImported"]):
    """Make a data folder from pictures, or from the model's own samples: `DataImported`.

    Attributes:
        checkpoint: the model's checkpoint, a file or a folder.
        out: the data folder to make; models that are there already stay as they are.
        name: of the model's subfolder, which must not exist.
        adapter: None to take the general one that can read the checkpoint.
        images: a folder of pictures, looked through with its subfolders, or a zip archive of one;
            None to generate some.
        labels: a table, JSON lines or JSON that says the classes of pictures; None to take what
            EDM's ``dataset.json`` in the folder says, or else the names of subfolders.
        class_map: the class number of labels that are none and that the model does not know: pairs,
            or a file of them.
        generate: how many samples to draw where there are no pictures.
        sigmas: noise levels; every picture becomes one sample at each.
        layers: layers of the folder's own map; empty for the model's default.
        seed: of what is generated.
        parameters: of the folder's own map; None for those that nobody needs to choose.
        brightness: black and white in pictures of numbers; None to find them in all pictures.
        told: what each sample is told; None for what suits the model: nothing, where it has learnt
            what that is, else its own class.
    """

    checkpoint: Path
    out: Path
    name: str
    adapter: str | None = None
    images: Path | None = None
    labels: Path | None = None
    class_map: ClassPairs | Path = ()
    generate: int = 0
    sigmas: tuple[float, ...] = (0.5, 2.0, 10.0)
    layers: LayerSet = NO_LAYERS
    seed: int = 42
    parameters: MapParameters | None = None
    brightness: tuple[float, float] | None = None
    told: Told | None = None

    def __post_init__(self) -> None:
        normalise(self, "layers")


@dataclass(frozen=True)
class DataImported:
    """A data folder was made: ``path / model`` has ``samples`` samples of ``pictures`` pictures."""

    path: Path
    model: str
    pictures: int
    samples: int
    notes: tuple[str, ...] = ()
