"""Nothing is written through a link that somebody has planted under a name that is written to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from victims import Victims
from writers import WRITERS, former_names, plans

from diffviews_desktop.errors import DiffViewsError


@pytest.mark.parametrize("name", WRITERS)
def test_no_link_is_written_through_and_no_temporary_name_can_be_told(
    tmp_path: Path, name: str
) -> None:
    writer, victims = WRITERS[name], Victims(tmp_path / "victims")
    found = plans(writer, tmp_path)
    lasting = [plan for plan in found if plan.stays]
    assert lasting, "it writes nothing"
    if name != "layer cache":  # which makes a folder before it opens something in it
        assert not [plan for plan in found if plan.how == "opened" and not plan.stays]
    former = [name for plan in lasting if plan.how != "folder" for name in former_names(plan)]
    tries = [(plan, dangling) for plan in found for dangling in (False, True)]
    tries += [(plan, False) for plan in former]
    for number, (plan, dangling) in enumerate(tries):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        writer.prepare(folder)
        assert victims.plant(folder, plan, dangling=dangling)
        with suppress(DiffViewsError, OSError):
            writer.write(folder)
        assert victims.unharmed(), plan
