"""Where data comes from: ``s3://``, ``hf://`` and ``https://`` addresses as values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr

LONGEST = 2048
"""Letters of an address at most."""

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_REPOSITORY = re.compile(r"(?:(models|datasets)/)?([\w.-]+/[\w.-]+?)(?:@([^/]+))?(?:/(.*))?", re.A)
_UNSEEN = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Location:
    """An address of one file, or of a folder of files.

    Attributes:
        kind: ``s3`` (a bucket), ``hf`` (a repository of the Hugging Face Hub) or ``https`` (a
            server; it may be plain HTTP on this machine).
        root: the bucket's name; ``user/name`` or ``datasets/user/name``; the scheme, host and port.
        path: what lies below the root, without a slash at its beginning; empty for all of it.
        revision: of a repository: a branch, tag or commit; empty for the newest.
        query: of a web address, what follows the question mark. It may be a signature, so only
            ``str()`` shows it.
    """

    kind: Literal["s3", "hf", "https"]
    root: str
    path: str = ""
    revision: str = ""
    query: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The location of an address.

        Raises:
            ValueError: it is none; the text is a sentence for the user.
        """
        text = text.strip()
        scheme, separator, tail = text.partition("://")
        if not separator or len(text) > LONGEST or _UNSEEN.search(text):
            raise ValueError(
                tr(
                    "{text} is not an address. Write s3://bucket/folder, hf://user/name or "
                    "https://host/file.",
                    text=_quote(text),
                )
            )
        readers = {"s3": cls._parse_s3, "hf": cls._parse_hf}
        if scheme.lower() in ("https", "http"):
            return cls._parse_web(text)
        if scheme.lower() not in readers:
            raise ValueError(
                tr(
                    "{scheme}:// cannot be read. Write an address that begins with s3://, "
                    "hf:// or https://.",
                    scheme=_quote(scheme),
                )
            )
        return readers[scheme.lower()](tail)

    @classmethod
    def _parse_s3(cls, tail: str) -> Self:
        bucket, _, prefix = tail.partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise ValueError(
                tr(
                    "{bucket} is not a bucket name. Write s3://bucket/folder; names have 3 to "
                    "63 letters, digits, dots and hyphens.",
                    bucket=_quote(bucket),
                )
            )
        return cls("s3", bucket, prefix.lstrip("/"))

    @classmethod
    def _parse_hf(cls, tail: str) -> Self:
        match = _REPOSITORY.fullmatch(tail)
        if match is None:
            raise ValueError(
                tr(
                    "{rest} is not a repository name. Write hf://user/name for a model or "
                    "hf://datasets/user/name for a data set, and @revision after the name if "
                    "you want one.",
                    rest=_quote(tail),
                )
            )
        kind, name, revision, path = match.groups()
        root = f"datasets/{name}" if kind == "datasets" else name
        return cls("hf", root, (path or "").strip("/"), (revision or "").replace("%2F", "/"))

    @classmethod
    def _parse_web(cls, text: str) -> Self:
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise ValueError(
                tr("{text} names no server. Write https://host/file.", text=_quote(text))
            )
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                tr(
                    "The address has a name or a password in it, where others could read it. "
                    "Leave it out, and put it into the file .netrc in your home folder."
                )
            )
        if parts.scheme.lower() == "http" and not _is_this_machine(host):
            raise ValueError(
                tr(
                    "http:// lets anyone along the way change what you get from {host}. Write "
                    "https:// instead.",
                    host=_quote(host),
                )
            )
        name = f"[{host}]" if ":" in host else host
        root = f"{parts.scheme.lower()}://{name}" + (f":{port}" if port is not None else "")
        return cls("https", root, parts.path.lstrip("/"), query=parts.query)

    def __str__(self) -> str:
        text = self.display_text()
        return f"{text}?{self.query}" if self.query else text

    def display_text(self) -> str:
        """The address as sentences and logs have it: without its query, which may be secret."""
        root = self.root if self.kind == "https" else f"{self.kind}://{self.root}"
        revision = f"@{self.revision.replace('/', '%2F')}" if self.revision else ""
        return f"{root}{revision}" + (f"/{self.path}" if self.path else "")

    @property
    def source(self) -> str:
        """What versions of files are compared within: the bucket, repository or server."""
        return self.root if self.kind == "https" else f"{self.kind}://{self.root}"


def shown_address(text: str) -> str:
    """The name of a model as it is; an address as `Location.display_text` has it."""
    try:
        return Location.parse(text).display_text() if "://" in text else text
    except ValueError:  # which is said where it is used; there may be a password in it
        return f"{text.partition('://')[0]}://…"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _quote(text: str) -> str:
    return f"“{visible(text, MOST_OF_NAME)}”"
