"""A second map by the real engine: of another layer, of another model, of none that fits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_folder import write_tiny_model

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import LinkedMap, MapSpec


def link(source: FolderRef, layers: tuple[str, ...], model: str = "tiny", engine=None) -> LinkedMap:
    engine = engine or Engine("cpu", threads=1)
    own = ("midblock",)
    job = LinkMaps(job_id=1, folder=source, spec=MapSpec("tiny", own), other=MapSpec(model, layers))
    result = engine.run(job)
    assert isinstance(result, LinkedMap)
    return result


def test_a_map_beside_itself_lies_on_itself(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    own = engine.run(MapLayer(job_id=2, folder=source, spec=MapSpec("tiny", ("midblock",))))
    linked = link(source, ("midblock",), engine=engine)
    assert np.allclose(linked.map.xy, own.xy, atol=1e-3)
    assert linked.mean_overlap == 1.0
    assert linked.beside == ("midblock",)


def test_another_layer_is_turned_to_lie_like_the_first(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    linked = link(source, ("encoder_bottleneck",), engine=engine)
    raw = engine.run(
        MapLayer(job_id=2, folder=source, spec=MapSpec("tiny", ("encoder_bottleneck",)))
    )
    assert raw.from_cache
    gaps = [np.linalg.norm(np.diff(m.xy, axis=0), axis=1) for m in (linked.map, raw)]
    ratio = gaps[0] / gaps[1]
    assert np.allclose(ratio, ratio[0], rtol=1e-3)  # turned and scaled, nothing else
    assert 0 < linked.mean_overlap <= 1
    # five classes at four noise levels: of the 59 others two are of the same kind
    assert linked.reference == pytest.approx((2 + 13 * 13 / 57) / 15)


def test_another_model_is_matched_by_sample_id(source: FolderRef) -> None:
    write_tiny_model(source.path / "other", seed=1)
    info = next((source.path / "other").glob("metadata/*/dataset_info.json"))
    listed = json.loads(info.read_text())
    gone = listed["samples"].pop(3)["sample_id"]
    info.write_text(json.dumps(listed))
    linked = link(source, (), model="other")
    missing = np.flatnonzero(np.isnan(linked.map.xy).any(axis=1))
    assert len(missing) == 1
    assert linked.map.model == "other"
    assert np.isnan(linked.overlap[missing]).all()
    for record in listed["samples"]:
        record["sample_id"] = "x" + record["sample_id"]
    info.write_text(json.dumps(listed))
    for table in (source.path / "other").glob("embeddings/*.*"):
        table.unlink()
    with pytest.raises(DataError, match="share no samples"):
        link(source, (), model="other")
    assert gone


def test_it_can_be_cancelled(source: FolderRef) -> None:
    seen: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine(
        "cpu", threads=1, emit=emit, cancelled=lambda _: "comparing neighbourhoods" in seen
    )
    with pytest.raises(Cancelled):
        link(source, ("encoder_bottleneck",), engine=engine)
