"""A real engine behind a link: every job, event and result survives the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from all_jobs import job_classes
from made_runs import told
from PIL import Image
from shared_buckets import SharedBucket
from tiny_folder import write_tiny_model
from web_server import Served, serve_web

from diffviews_desktop.data.directions import write_direction
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.handlers.registry import HANDLERS, handler_of
from diffviews_desktop.engine.jobs.clustering import FindClusters
from diffviews_desktop.engine.jobs.directions import (
    ExportDirection,
    ListDirections,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.engine.jobs.downloading import Download, ListModels, PlanDownload
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    JudgeMask,
    PlaceFile,
    PlacePicture,
)
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    JudgeExperiment,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.exporting import PreviewContent, WriteContent
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.inputs import ShowInput
from diffviews_desktop.engine.jobs.mapping import (
    AssessMap,
    Extract,
    FindNeighbors,
    LinkMaps,
    MapLayer,
)
from diffviews_desktop.engine.jobs.opening import ConvertCheckpoint, LoadModel, OpenData
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples
from diffviews_desktop.engine.jobs.sharing import CompareMaps, PullMaps, PushMaps
from diffviews_desktop.engine.jobs.storage import (
    ChooseCachePlace,
    ChooseLimit,
    ClearKept,
    MeasureDisk,
)
from diffviews_desktop.engine.link_inline import InlineLink
from diffviews_desktop.engine.protocol import (
    CellDone,
    Finished,
    Job,
    Progress,
    Ready,
    RunStarted,
    StepDone,
)
from diffviews_desktop.exports.contents import Sheet, Table
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import SampleMean, mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.stores import BucketSettings

MIDBLOCK = ("midblock",)
SETTINGS = SamplingSettings(num_steps=2, noise_mode="fixed", seed=1)
SAMPLES = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of two models, the second with a checkpoint that can be converted."""
    import torch
    from tiny import tiny_model

    data = tmp_path_factory.mktemp("linked") / "data"
    write_tiny_model(data / "tiny", samples=SAMPLES)
    config = {"checkpoint": "checkpoints/tiny.pt"}
    write_tiny_model(data / "second", samples=SAMPLES, checkpoint=False, config=config)
    (data / "second/checkpoints").mkdir()
    network = tiny_model(img_resolution=16, attn_resolutions=[], img_channels=1)
    torch.save(network.state_dict(), data / "second/checkpoints/tiny.pt")
    return data


@pytest.fixture(scope="module")
def url(data: Path) -> Iterator[str]:
    """The address of a checkpoint."""
    checkpoint = next((data / "tiny/checkpoints").iterdir())
    with serve_web() as server:
        server.served[f"/{checkpoint.name}"] = Served(checkpoint)
        yield f"{server.url}/{checkpoint.name}"


@pytest.fixture(scope="module")
def link() -> Iterator[InlineLink]:
    link = InlineLink("cpu")
    assert link.next() == Ready()
    yield link
    link.close()


def job_of(kind: type[Job[Any]], data: Path, url: str = "") -> Job[Any]:
    """A job of a class, of one of the data folder's models, or of what is at an address."""
    common: dict[str, Any] = {"job_id": 5, "folder": FolderRef(data)}
    model = {**common, "model": "tiny"}
    mapped = {**common, "spec": MapSpec("tiny", MIDBLOCK)}
    drawn = {
        **mapped,
        "interventions": mean_of_samples((1, 2)),
        "condition": from_choice(0),
        "settings": SETTINGS,
    }
    rows = np.arange(1, 4)
    checkpoint = next((data / "tiny/checkpoints").iterdir())
    experiment = Experiment(
        model="tiny",
        layer_sets=(MIDBLOCK,),
        windows=((0, 2),),
        groups=((0,), (4,)),
        seeds=1,
        settings=SETTINGS,
    )
    return {
        OpenData: lambda: OpenData(**common),
        LoadModel: lambda: LoadModel(**model),
        ConvertCheckpoint: lambda: ConvertCheckpoint(**common, model="second"),
        MapLayer: lambda: MapLayer(**mapped),
        Extract: lambda: Extract(**model, layer_sets=(MIDBLOCK,)),
        LinkMaps: lambda: LinkMaps(**mapped, other=MapSpec("second", MIDBLOCK)),
        AssessMap: lambda: AssessMap(**mapped, seeds=2),
        FindNeighbors: lambda: FindNeighbors(**mapped, row=3, count=4, among=np.arange(9)),
        FindClusters: lambda: FindClusters(
            **mapped, places=np.repeat(np.eye(2, dtype=np.float32), SAMPLES // 2, 0), smallest=3
        ),
        ImportData: lambda: ImportData(
            **common,
            checkpoint=checkpoint,
            out=data / "made",
            name="new",
            generate=6,
            sigmas=(1.0,),
        ),
        Generate: lambda: Generate(**drawn, keep=True),
        GenerateGrid: lambda: GenerateGrid(**drawn, samples=2, strengths=(0.5, 1.0)),
        PlacePicture: lambda: PlacePicture(
            **mapped, image=np.zeros((16, 16, 1), np.uint8), condition=told(0), sigma=1.0
        ),
        PlaceFile: lambda: PlaceFile(**mapped, file=picture(data), condition=told(0), sigma=1.0),
        JudgeMask: lambda: JudgeMask(**mapped, rows=(1, 2)),
        SaveDirection: lambda: SaveDirection(
            **mapped, source=SampleMean((1, 2)), name="set", replace=True
        ),
        ListDirections: lambda: ListDirections(**model),
        ExportDirection: lambda: ExportDirection(
            **model, name=direction(data).stem, file=data / "exported.safetensors"
        ),
        LoadDirection: lambda: LoadDirection(
            **model, file=direction(data), name="loaded", replace=True
        ),
        ChooseGroups: lambda: ChooseGroups(**model, anchors=2, neighbors=0),
        PriceExperiment: lambda: PriceExperiment(
            **common, experiment=experiment, out=data / "experiment"
        ),
        JudgeExperiment: lambda: JudgeExperiment(**common, experiment=experiment),
        RunExperiment: lambda: RunExperiment(
            **common, experiment=experiment, out=data / "experiment"
        ),
        ShowInput: lambda: ShowInput(**model, row=3),
        AveragePictures: lambda: AveragePictures(**model, rows=rows),
        ExportSamples: lambda: ExportSamples(
            **model, rows=rows, columns={"twice": 2.0 * rows}, file=data / "samples.csv"
        ),
        PushMaps: lambda: PushMaps(**model, bucket=BucketSettings(), layers=MIDBLOCK),
        PullMaps: lambda: PullMaps(**model, bucket=BucketSettings(), layers=MIDBLOCK),
        CompareMaps: lambda: CompareMaps(**model, bucket=BucketSettings()),
        ListModels: lambda: ListModels(**common, out=data),
        PlanDownload: lambda: PlanDownload(**common, what=url, out=data / "downloaded"),
        Download: lambda: Download(**common, what=url, out=data / "downloaded"),
        MeasureDisk: lambda: MeasureDisk(**common, downloads=data),
        WriteContent: lambda: WriteContent(
            **common, content=Table({"row": rows}, {"kind": "rows"}), file=data / "rows.npz"
        ),
        PreviewContent: lambda: PreviewContent(
            **common,
            content=Sheet({0: np.zeros((8, 8, 1), np.uint8)}, 1, ("",), ("one",)),
            side=64,
        ),
        ClearKept: lambda: ClearKept(
            **common, kind="experiments", path=data / "elsewhere", downloads=data
        ),
        ChooseCachePlace: lambda: ChooseCachePlace(
            **common, path=data.parent / "caches", downloads=data
        ),
        ChooseLimit: lambda: ChooseLimit(**common, kind="maps", bytes=3 * 10**9, downloads=data),
    }[kind]()


def picture(data: Path) -> Path:
    """A picture of another size than the model's."""
    Image.fromarray(np.full((20, 30), 90, np.uint8)).save(data / "grey.png")
    return data / "grey.png"


def direction(data: Path) -> Path:
    """The file of a direction that is saved for the model."""
    path = data / "tiny/directions/made.safetensors"
    write_direction(path, {"midblock": np.ones((2, 3, 3), np.float32)}, {}, replace=True)
    return path


def assert_same(one: Any, other: Any, where: str = "result") -> None:
    """Of the same types and values, all the way down; strings of many samples may be packed."""
    if isinstance(one, Texts):
        one = tuple(one)
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, where)
        assert one.dtype == other.dtype, where
    elif is_dataclass(one):
        for name in one.__dataclass_fields__:
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}[{key!r}]")
    else:
        assert one == other or one != one, where


@pytest.mark.parametrize("kind", job_classes(), ids=lambda kind: kind.__name__)
def test_every_job_is_done_at_the_far_end_as_it_is_here(
    kind: type[Job[Any]],
    data: Path,
    url: str,
    link: InlineLink,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if kind in (PushMaps, PullMaps, CompareMaps):
        bucket: SharedBucket = request.getfixturevalue("shared")
        monkeypatch.setenv("R2_BUCKET_NAME", bucket.name)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.settings.endpoint)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(data / "config"))  # a limit is for its own test
    here: list[Any] = []
    real = handler_of(kind)
    assert real is not None

    def noting(job: Job[Any], workspace: Any) -> Any:
        here.append(job)
        here.append(real(job, workspace))
        return here[-1]

    monkeypatch.setitem(HANDLERS, kind, noting)
    job = job_of(kind, data, url)
    link.submit(job)
    events, last = [], link.next()
    while isinstance(last, Progress | RunStarted | StepDone | CellDone):
        events.append(last)
        last = link.next()
    assert isinstance(last, Finished), last
    taken, given = here
    assert taken is not job
    assert_same(taken, job, "job")
    assert last.result is not given
    assert_same(last.result, given)
    assert {event.job_id for event in events} <= {5}
    told = {type(event) for event in events} - {Progress}
    drawing: dict[type[Job[Any]], set[type]] = {
        Generate: {RunStarted, StepDone},
        GenerateGrid: {RunStarted, CellDone},
    }
    assert told == drawing.get(kind, set())


def test_what_comes_back_can_be_asked_for_again(data: Path, link: InlineLink) -> None:
    """Nothing of a result leads back to the engine: it works with another one as well."""
    link.submit(job_of(MapLayer, data))
    last = link.next()
    while isinstance(last, Progress):
        last = link.next()
    assert isinstance(last, Finished)
    mapped: Any = last.result
    own = Engine("cpu", threads=1).run(
        MapLayer(job_id=1, folder=FolderRef(data), spec=MapSpec(mapped.model, mapped.layers))
    )
    np.testing.assert_array_equal(own.xy, mapped.xy)
