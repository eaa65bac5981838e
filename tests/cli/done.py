"""What the command line did."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Done(NamedTuple):
    """Its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object that it printed."""
        assert self.code == 0, self.err
        assert len(self.out.splitlines()) == 1

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)
