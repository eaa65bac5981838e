"""Crash reports: what goes wrong is kept, what is passed on names no file of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffviews_desktop import crashes
from diffviews_desktop.crashes import CrashReport, find_reports, read, without_names

SCRIPT = """
import sys, threading
from pathlib import Path
from diffviews_desktop.crashes import CrashReport

report = CrashReport(Path(sys.argv[1]))
report.begin()
how = sys.argv[2]
if how == "thread":
    thread = threading.Thread(target=lambda: Path("/home/me/secret plan.png").read_bytes())
    thread.start()
    thread.join()
elif how == "exception":
    raise ValueError("cannot read /home/me/secret plan.png")
elif how == "signal":
    import faulthandler
    faulthandler._sigsegv()
elif how == "killed":
    import os
    os._exit(9)
report.end()
"""


def run(folder: Path, how: str) -> None:
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), how], capture_output=True, check=False
    )


def test_a_full_disk_keeps_no_program_from_starting(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + SCRIPT
    command = [sys.executable, "-c", limited, str(tmp_path), "clean"]
    done = subprocess.run(command, capture_output=True, check=False)  # pipes are not limited
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_clean_end_leaves_nothing(tmp_path: Path) -> None:
    run(tmp_path, "clean")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("thread", "FileNotFoundError"),
        ("exception", "ValueError: cannot read"),
        ("signal", "Fatal Python error: Segmentation fault"),
    ],
)
def test_what_goes_wrong_is_kept(tmp_path: Path, how: str, said: str) -> None:
    run(tmp_path, how)
    (path,) = find_reports(tmp_path)
    text = read(path)
    assert text.startswith("# DiffViews ")
    assert said in text
    assert find_reports(tmp_path) == [path]
    crashes.delete([path])
    assert find_reports(tmp_path) == []


def test_one_that_was_killed_without_a_word_has_no_report(tmp_path: Path) -> None:
    run(tmp_path, "killed")
    assert len(list(tmp_path.iterdir())) == 1
    assert find_reports(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_report_of_a_program_that_runs_stays_its_own(tmp_path: Path) -> None:
    report = CrashReport(tmp_path)
    report.begin()
    try:
        report.add("a title", "a text")
        assert find_reports(tmp_path) == []
        assert report.has_entries
    finally:
        report.end()
    assert len(find_reports(tmp_path)) == 1


def test_hooks_are_as_before_afterwards(tmp_path: Path) -> None:
    before = sys.excepthook, sys.unraisablehook
    report = CrashReport(tmp_path)
    report.begin()
    assert sys.excepthook != before[0]
    report.end()
    assert (sys.excepthook, sys.unraisablehook) == before


def test_without_a_place_to_write_the_program_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = CrashReport(tmp_path / "file")
    report.begin()
    report.add("a", "b")
    report.end()


def test_a_report_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "MOST_BYTES", 1000)
    report = CrashReport(tmp_path)
    report.begin()
    for _ in range(100):
        report.add("again", "x" * 100)
    report.end()
    (path,) = find_reports(tmp_path)
    assert path.stat().st_size < 1300


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(crashes.MOST_REPORTS + 3):
        (tmp_path / f"2026-01-0{number + 1}-120000-1.txt").write_text("# DiffViews\nx\n")
    found = find_reports(tmp_path)
    assert len(found) == crashes.MOST_REPORTS
    assert found[0].name.startswith("2026-01-08")


PACKAGE = str(Path(crashes.__file__).parent)
REPORT = f"""# DiffViews 1.0

# 12:00:00 in the window
Traceback (most recent call last):
  File "{PACKAGE}/ui/shell/window.py", line 12, in show
    self.open(path)
    ~~~~~~~~~^^^^^^
  File "/home/anna/.venv/lib/python3.11/site-packages/numpy/lib/io.py", line 3, in load
    open(file)
  File "/home/anna/plug in/my_adapter.py", line 3, in forward
    x = secret_of_anna()
  File "{os.__file__}", line 9, in stat
    return 1
FileNotFoundError: [Errno 2] No such file: '/home/anna/my thesis.csv'
and a second line about anna.csv

During handling of the above exception, another exception occurred:

diffviews_desktop.errors.DataError: /home/anna/x is gone
# 12:01:00 Qt: QtCriticalMsg
QImage: cannot open anna's picture
Fatal Python error: Segmentation fault

Current thread 0x00007f12 (most recent call first):
  File "{PACKAGE}/app.py", line 3 in run
Extension modules: numpy._core, PySide6.QtCore (total: 2)
"""


def test_a_copy_names_code_and_kinds_of_errors_but_nothing_of_the_users() -> None:
    told = without_names(REPORT)
    for secret in ("anna", "/home", "thesis", "secret", "picture", ".csv", "my_adapter", "plug in"):
        assert secret not in told, secret
    for kept in (
        'File "diffviews_desktop/ui/shell/window.py", line 12, in show',
        "    self.open(path)",
        'File "numpy/lib/io.py", line 3, in load',
        "FileNotFoundError: (left out)",
        "diffviews_desktop.errors.DataError: (left out)",
        "Fatal Python error: Segmentation fault",
        'File "diffviews_desktop/app.py", line 3 in run',
        "Extension modules: numpy._core, PySide6.QtCore (total: 2)",
    ):
        assert kept in told, kept


def test_a_file_of_pythons_own_is_named_without_its_folder() -> None:
    told = without_names(f'  File "{os.__file__}", line 9, in stat\n    return 1\n')
    assert str(Path(os.__file__).parent) not in told
    assert "os.py" in told
