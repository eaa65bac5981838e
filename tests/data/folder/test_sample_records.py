"""The list of samples is read piece by piece, as if it had been read at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffviews_desktop.data.folder import sample_files, sample_records
from diffviews_desktop.data.folder.sample_files import metadata_records, sample_columns
from diffviews_desktop.errors import Cancelled, DataError

PIECE = 23  # bytes: every value lies across the end of one somewhere

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["}", "]", ",{", "\\", '"', "😀", "ä" * 30]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
records = st.lists(st.dictionaries(st.text(max_size=9), values, max_size=3), max_size=6)
documents = st.tuples(
    st.dictionaries(st.text(max_size=9).filter(lambda key: key != "samples"), values, max_size=3),
    records,
    st.dictionaries(st.text(max_size=9).filter(lambda key: key != "samples"), values, max_size=3),
).map(lambda parts: {**parts[0], "samples": parts[1], **parts[2]})
layouts = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 40]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (" ,  ", " : "), (",\r\n\t ", ":")]),
    }
)
within = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(path: Path) -> list[dict[str, Any]]:
    return [record for some in sample_records.sample_records(path) for record in some]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "dataset_info.json"
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    path.write_bytes(data)
    return path


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_records, "PIECE", PIECE)


@pytest.mark.usefixtures("small_pieces")
@within
@given(document=documents, layout=layouts)
def test_pieces_make_what_was_written(
    tmp_path: Path, document: dict[str, Any], layout: dict[str, Any]
) -> None:
    path = written(tmp_path, json.dumps(document, **layout))
    expected = json.loads(path.read_bytes())["samples"]
    assert json.dumps(read(path)) == json.dumps(expected)  # as text: NaN is not NaN


@pytest.mark.parametrize("number", ["0.5", "12", "1e5", "1.5e-7", "-0.25E+3"])
def test_a_number_on_the_edge_of_a_piece_is_whole(
    tmp_path: Path, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'{{"a": {number}, "samples": [{{"b": {number}}}]}}'
    for piece in range(1, len(text)):
        monkeypatch.setattr(sample_records, "PIECE", piece)
        assert read(written(tmp_path, text)) == [{"b": float(number)}]


@pytest.mark.usefixtures("small_pieces")
@within
@given(document=documents, data=st.data())
def test_a_file_cut_off_anywhere_is_refused(
    tmp_path: Path, document: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(document)
    length = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(DataError, match=r"dataset_info\.json"):
        read(written(tmp_path, text[:length]))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"samples": [{} {}]}', "a comma or ] is missing, at letter 16"),
        ('{"samples": [{}' + " " * 99 + "{}]}", "a comma or ] is missing"),
        ('{"samples": [{},]}', "Expecting value, at letter 17"),
        ('{"samples": [{"a": 1, "b" 2}], "more": [1, 2, 3]}', "Expecting ':' delimiter"),
        ('{"samples": []} {}', "something follows the object, at letter 17"),
        ('{"samples": [] "a": 1}', ", is missing"),
        ('{"samples": [], 1: 2}', "a key must be text"),
        ('{"samples": [], "samples": []}', "two lists of samples"),
        ('{"samples": [' + "[" * 200_000, "nested too deeply"),
        ('{"a": 9' + "9" * 5000 + "}", "Exceeds the limit"),
        ('{"samples": [1]}', "no list of samples"),
        ('{"samples": {}}', "no list of samples"),
        ('{"Samples": []}', "no list of samples"),
        ("[]", "JSON object"),
        ("", "Expecting value, at letter 1"),
        (b'{"samples": [\xff\xfe]}', "UnicodeDecodeError"),
        (b'{"samples": [], "a": "\xc3', "UnicodeDecodeError"),
    ],
)
def test_what_is_no_list_of_samples_is_refused(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, text))
    assert problem in str(caught.value)
    assert "dataset_info.json" in str(caught.value)


def test_reading_can_be_stopped_between_two_pieces(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"samples": [{"sample_id": "x" * 99}] * 5000}))
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 4:
            raise Cancelled

    seen: list[dict[str, Any]] = []
    pieces = sample_records.sample_records(path, check)
    with pytest.raises(Cancelled):
        seen.extend(record for some in pieces for record in some)
    assert 0 < len(seen) < 5000


def test_files_that_would_take_too_much_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_records, "MOST_TABLE_MEMORY", 100_000)
    monkeypatch.setattr(sample_files, "MOST_TABLE_MEMORY", 100_000)
    sample = {"sample_id": "a", "class_label": 0}
    fits = {"samples": [sample] * 300}
    assert len(metadata_records(written(tmp_path, json.dumps(fits)))) == 300
    for many in ([sample] * 1500, [{}] * 3000):
        with pytest.raises(
            DataError, match=r"memory.*\. (Correct it, or put back a copy that works|Split it)\."
        ):
            read_columns(written(tmp_path, json.dumps({"samples": many})))
    nested = '{"":' * 60 + "0" + "}" * 60  # 400 letters, and 11 000 bytes of objects
    with pytest.raises(DataError, match="so many values"):
        read(written(tmp_path, '{"samples": [' + ",".join([nested] * 400) + "]}"))
    wide = {"samples": [{f"column {i}": 0 for i in range(200)}, *[{}] * 300]}
    with pytest.raises(DataError, match="so many values"):
        read_columns(written(tmp_path, json.dumps(wide)))
    monkeypatch.setattr(sample_records, "MOST_JSON", 1000)
    with pytest.raises(DataError, match="one of its values is too long"):
        read(written(tmp_path, json.dumps({"a": "b" * 10**6, "samples": []})))


def read_columns(path: Path) -> dict[str, Any]:
    return dict(sample_columns(sample_records.sample_records(path), path))


def test_a_pipe_and_a_huge_file_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "dataset_info.json"
    os.mkfifo(path)
    with pytest.raises(DataError, match="it is a named pipe, not a file"):
        read(path)
    path.unlink()
    path.touch()
    os.truncate(path, 30 * 10**9)
    with pytest.raises(DataError, match="it has 30,000 MB"):
        read(path)
