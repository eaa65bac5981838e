"""The catalogue of published models, and what of them a data folder has."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from diffviews_desktop.data.sources import (
    WITH_DATA,
    ensure_data_ready,
    list_models,
    look_at,
    own_catalogue,
    read_catalogue,
    read_table,
)
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.sources import ListedModel

GOOD = """\
[mine]
title = "Mine"
licence = "MIT"
[mine.checkpoint]
url = "https://example.org/mine.pkl"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the user's own catalogue."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(text: str) -> Path:
        file = own_catalogue()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


def listed(folder: Path, name: str = "dmd2") -> ListedModel:
    return look_at(folder, read_catalogue().model(name))


# ---- the program's own table --------------------------------------------------------------------


def test_the_bundled_catalogue_has_the_models_that_the_program_is_named_for() -> None:
    models = read_catalogue().models
    assert list(models)[:2] == list(WITH_DATA)
    for name in WITH_DATA:
        model = models[name]
        assert model.data is not None
        assert model.checkpoint is not None
        assert [origin.source for origin in model.data.origins] == ["r2", "hf"]
        assert model.bytes is not None
        assert model.bytes > 1e9
    dmd2, edm = (models[name].checkpoint for name in WITH_DATA)
    assert dmd2 is not None
    assert edm is not None
    assert (dmd2.file, edm.file) == (
        "dmd2-imagenet-64-10step.pkl",
        "edm-imagenet-64x64-cond-adm.pkl",
    )
    assert [origin.source for origin in dmd2.origins] == ["r2", "hf"]
    assert [origin.source for origin in edm.origins] == ["r2", "url"]


def test_every_entry_has_a_licence_and_a_place_of_the_authors() -> None:
    models = read_catalogue().models
    assert len(models) >= 19
    for name, model in models.items():
        assert model.licence.startswith("CC BY-NC-SA 4.0")
        assert model.title
        if name in WITH_DATA:
            continue
        assert model.data is None
        assert model.checkpoint is not None
        (origin,) = model.checkpoint.origins
        folder = "baseline/" if name.startswith("baseline-") else ""
        published = "https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/"
        assert str(origin.location) == f"{published}{folder}{name}.pkl"


# ---- the user's own table -----------------------------------------------------------------------


def test_an_own_table_adds_entries_and_replaces_those_of_the_same_name(
    own: Callable[[str], Path],
) -> None:
    own(GOOD + GOOD.replace("mine", "edm").replace("Mine", "Another"))
    models = read_catalogue().models
    assert models["mine"].title == "Mine"
    assert models["edm"].title == "Another"
    assert models["edm"].data is None
    assert "dmd2" in models


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mine", "cannot be read as TOML"),
        ("mine = 3", "mine"),
        (GOOD.replace("title", "titel"), "[mine] title: Field required"),
        (GOOD.replace('"Mine"', '"a\\u202eb"'), "title: has letters that cannot be seen"),
        (GOOD.replace('"Mine"', f'"{"x" * 500}"'), "title"),
        (GOOD + 'titel = "x"\n', "[mine] checkpoint.titel"),
        (GOOD.replace("[mine", '["../up"'), "cannot be a model's name"),
        (GOOD.replace("mine]", "CON]").replace("mine.", "CON."), "CON"),
        (GOOD.replace("mine]", "checkpoints]").replace("mine.", "checkpoints."), "checkpoints"),
        (GOOD.replace("https", "ftp"), "checkpoint.url"),
        (GOOD.replace("https", "http"), "checkpoint.url"),
        (GOOD.replace("url", "hf"), "must begin with hf://"),
        (GOOD.replace("mine.pkl", "mine.pkl?key=secret"), "checkpoint.url"),
        (GOOD.replace("mine.pkl", "").replace('/"', '"'), "end with the same file name"),
        (GOOD + 'r2 = "s3://bucket/other.pkl"\n', "end with the same file name"),
        (GOOD + "bytes = -3\n", "checkpoint.bytes"),
        (GOOD + 'sha256 = "12"\n', "checkpoint.sha256"),
        (GOOD.split("[mine.")[0], "needs a table"),
        (GOOD.replace("checkpoint", "data"), "data.url"),
        ('[mine]\ntitle = "a"\nlicence = "b"\n[mine.data]\nbytes = 3\n', "needs an address"),
    ],
)
def test_what_is_wrong_with_an_own_table_is_said_and_the_others_stay(
    own: Callable[[str], Path], text: str, said: str
) -> None:
    file = own(text)
    catalogue = read_catalogue()
    assert list(catalogue.models)[:2] == list(WITH_DATA)
    assert said in catalogue.problem
    assert str(file) in catalogue.problem
    assert "secret" not in catalogue.problem
    assert catalogue.problem.endswith("only the program's own catalogue counts.")


def test_a_table_is_read_within_bounds(own: Callable[[str], Path]) -> None:
    own("# " + "x" * 1_000_001)
    assert "1.0 MB" in read_catalogue().problem
    own("\n".join(f"[m{i}]" for i in range(1001)))
    assert "1001 entries" in read_catalogue().problem


def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(own: Callable[[str], Path]) -> None:
    file = own("")
    file.unlink()
    os.mkfifo(file)
    assert "named pipe" in read_catalogue().problem


def test_no_table_is_no_problem_but_a_broken_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"broken\.toml"):
        read_table(tmp_path / "broken.toml")


def test_a_name_that_is_not_in_the_catalogue_is_told_with_the_way_to_the_list() -> None:
    with pytest.raises(UsageError, match="--list"):
        read_catalogue().model("unknown\x1b[2J")


# ---- what a data folder has ---------------------------------------------------------------------


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A model's folder of the original system, without its map's pickle and its checkpoint."""
    model = tmp_path / "data" / "dmd2"
    (model / "embeddings").mkdir(parents=True)
    config = {
        "adapter": "dmd2-imagenet-64",
        "checkpoint": "checkpoints/dmd2-imagenet-64-10step.pkl",
    }
    (model / "config.json").write_text(json.dumps(config))
    (model / "embeddings" / "demo_embeddings.csv").write_text("sample_id,umap_x,umap_y\n")
    return model


def test_a_folder_of_the_original_is_whole_without_the_pickle_of_its_map(original: Path) -> None:
    assert listed(original.parent).data == "all"
    assert listed(original.parent).amount == "some"
    (missing,) = ensure_data_ready(original.parent, models=["dmd2"]).missing
    assert (missing.part, missing.model) == ("checkpoint", "dmd2")
    assert missing.place == original / "checkpoints" / "dmd2-imagenet-64-10step.pkl"
    assert [origin.source for origin in missing.origins] == ["r2", "hf"]


def test_a_folder_without_its_settings_is_not_whole(original: Path) -> None:
    (original / "config.json").unlink()
    assert listed(original.parent).data == "some"
    assert listed(original.parent, "edm").data == "none"


def test_a_checkpoint_is_looked_for_where_the_settings_say(original: Path) -> None:
    config = {"checkpoint": "weights/dmd2-imagenet-64-10step.pkl"}
    (original / "config.json").write_text(json.dumps(config))
    file = original / "weights" / "dmd2-imagenet-64-10step.pkl"
    assert listed(original.parent).checkpoint_file == file
    assert listed(original.parent).checkpoint == "none"
    file.parent.mkdir()
    file.with_name(f"{file.name}.part").touch()
    assert listed(original.parent).checkpoint == "some"
    file.touch()
    assert listed(original.parent).amount == "all"


@pytest.mark.parametrize(
    "named", ["../../dmd2-imagenet-64-10step.pkl", "/dmd2-imagenet-64-10step.pkl"]
)
def test_settings_lead_no_checkpoint_out_of_the_folder(original: Path, named: str) -> None:
    (original / "config.json").write_text(json.dumps({"checkpoint": named}))
    file = listed(original.parent).checkpoint_file
    assert file == original / "checkpoints" / "dmd2-imagenet-64-10step.pkl"


def test_what_is_missing_is_told_and_nothing_made(tmp_path: Path) -> None:
    out = tmp_path / "none"
    lacking = ensure_data_ready(out)
    assert not lacking
    parts = [(one.model, one.part) for one in lacking.missing]
    assert parts == [(name, part) for name in WITH_DATA for part in ("data", "checkpoint")]
    assert [one.part for one in ensure_data_ready(out, checkpoints=()).missing] == ["data", "data"]
    assert all(one.bytes for one in lacking.missing)
    assert not out.exists()


def test_checkpoints_alone_lie_beside_the_models(tmp_path: Path) -> None:
    models = list_models(tmp_path, read_catalogue())
    assert {one.amount for one in models} == {"none"}
    alone = next(one for one in models if one.model.data is None)
    assert alone.checkpoint_file == tmp_path / "checkpoints" / f"{alone.model.name}.pkl"
    alone.checkpoint_file.parent.mkdir()
    alone.checkpoint_file.touch()
    assert listed(tmp_path, alone.model.name).amount == "all"
