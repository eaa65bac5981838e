"""Downloads by an engine, and what they leave."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.downloading import Download, Downloaded
from diffviews_desktop.values.folders import FolderRef


def fetch(what: str, out: Path, **options: object) -> Downloaded:
    """Download something into a folder."""
    return Engine("cpu").run(
        Download(job_id=1, folder=FolderRef(), what=what, out=out, **options)  # type: ignore[arg-type]
    )


def there(out: Path) -> set[str]:
    """Files that a user would see."""
    paths = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not any(part[0] == "." for part in path.parts)}
