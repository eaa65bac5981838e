"""Addresses of data: read, written back, and refused with a sentence."""

from __future__ import annotations

import pickle

import pytest

from diffviews_desktop.values.locations import Location, shown_address

READ = {
    "s3://bucket": Location("s3", "bucket"),
    "s3://bucket/": Location("s3", "bucket"),
    "S3://my.bucket-1/data/dmd2": Location("s3", "my.bucket-1", "data/dmd2"),
    "s3://bucket/data/": Location("s3", "bucket", "data/"),
    "hf://user/name": Location("hf", "user/name"),
    "hf://models/user/name": Location("hf", "user/name"),
    "hf://datasets/user/a.b_c": Location("hf", "datasets/user/a.b_c"),
    "hf://user/name@v1.0": Location("hf", "user/name", revision="v1.0"),
    "hf://datasets/user/name@refs%2Fpr%2F1/a/b.pkl": Location(
        "hf", "datasets/user/name", "a/b.pkl", "refs/pr/1"
    ),
    "https://host.org/a%20b/c.pkl": Location("https", "https://host.org", "a%20b/c.pkl"),
    "https://host.org:8443/": Location("https", "https://host.org:8443"),
    "https://host.org/c?x=1&y": Location("https", "https://host.org", "c", query="x=1&y"),
    "http://127.0.0.1:9/c": Location("https", "http://127.0.0.1:9", "c"),
    "http://[::1]:9/c": Location("https", "http://[::1]:9", "c"),
    "http://localhost/c": Location("https", "http://localhost", "c"),
}

REFUSED = {
    "": "is not an address",
    "dmd2": "is not an address",
    "/tmp/data": "is not an address",
    "ftp://host/file": "ftp.*cannot be read",
    "file:///etc/passwd": "file.*cannot be read",
    "s3://": "not a bucket name",
    "s3://a/b": "not a bucket name",
    "s3://../b": "not a bucket name",
    "hf://name": "hf://datasets/user/name",
    "hf://a/b c": "is not an address",
    "hf://user/name@": "hf://datasets/user/name",
    "https:///file": "names no server",
    "https://host:port/file": "names no server",
    "https://user:secret@host/file": r"\.netrc",
    "http://host.org/file": "https:// instead",
    "http://127.0.0.1.evil.org/file": "https:// instead",
    "https://host/\x1b[31m": "is not an address",
    "https://host/a\nb": "is not an address",
    "https://host/" + "a" * 3000: "is not an address",
}


@pytest.mark.parametrize("text", READ)
def test_an_address_is_read_and_written_back(text: str) -> None:
    location = Location.parse(text)
    assert location == READ[text]
    assert Location.parse(str(location)) == location
    assert pickle.loads(pickle.dumps(location)) == location


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[text]) as error:
        Location.parse(text)
    assert "secret" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_a_signature_in_an_address_is_shown_by_str_alone() -> None:
    location = Location.parse("https://host/file?X-Amz-Signature=abc")
    assert "abc" in str(location)
    assert "abc" not in f"{location!r} {location.display_text()} {location.source}"


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("dmd2", "dmd2"),
        ("https://host/file?X-Amz-Signature=abc", "https://host/file"),
        ("https://user:x@host/file?sig=abc", "https://…"),  # which is refused
        ("hf://user/name@main", "hf://user/name@main"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
    ],
)
def test_what_is_downloaded_is_named_without_a_signature(what: str, shown: str) -> None:
    assert shown_address(what) == shown
