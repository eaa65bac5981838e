"""Reasons why pictures are left out, as the user reads them."""

from __future__ import annotations

from diffviews_desktop.text.faults import Fault, faults_of, left_out


def test_reasons_are_counted_and_named() -> None:
    assert left_out({"a.png": Fault.NO_PICTURE}) == (
        "1 picture was left out: it is not a known kind of picture (a.png)"
    )
    faults = {f"{i}.png": Fault.MISSING for i in range(1200)}
    faults |= {"x\x1b.png": Fault.LARGE, "y" * 500: Fault.BROKEN}
    text = left_out(faults)
    assert text.startswith(
        "1,202 pictures were left out: 1,200 are missing (0.png, 1.png, 2.png…), "
    )
    assert "1 is too large (x\\x1b.png), 1 is damaged (yyy" in text
    assert len(text) < 250
    assert faults_of({"a": Fault.NO_FILE, "b": Fault.NO_FILE}) == "2 are not files (a, b)"
    assert left_out({"a": Fault.REPEATED}, "folder") == (
        "1 folder was left out: it leads to a folder that is read already (a)"
    )
