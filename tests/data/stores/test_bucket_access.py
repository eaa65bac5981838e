"""Which bucket is used, and whose keys: R2's variables first, then what boto3 finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffviews_desktop.credentials import BucketKeys, store_keys
from diffviews_desktop.data.stores.bucket_access import bucket_access
from diffviews_desktop.data.stores.store import Access
from diffviews_desktop.errors import StoreAccessError, UsageError
from diffviews_desktop.values.stores import BucketSettings

R2 = {"R2_ACCOUNT_ID": "account", "R2_ACCESS_KEY_ID": "id", "R2_SECRET_ACCESS_KEY": "secret"}
AWS = {"AWS_ACCESS_KEY_ID": "other id", "AWS_SECRET_ACCESS_KEY": "other secret"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys anywhere."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_where_nobody_names_a_bucket_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **AWS)
    assert bucket_access(BucketSettings()) is None


def test_the_keys_of_r2_lead_to_the_bucket_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **R2, **AWS)
    found = bucket_access(BucketSettings())
    assert found is not None
    assert str(found.location) == "s3://diffviews"
    access = found.access
    assert access.endpoint == "https://account.r2.cloudflarestorage.com"
    assert (access.key_id, access.secret) == ("id", "secret")
    assert "secret" not in repr(found).replace("secret=", "")


def test_settings_go_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **R2, R2_BUCKET_NAME="named", AWS_ENDPOINT_URL_S3="https://other")
    for settings, bucket, endpoint in (
        (BucketSettings(), "named", "https://other"),
        (BucketSettings("chosen", "https://mine"), "chosen", "https://mine"),
    ):
        found = bucket_access(settings)
        assert found is not None
        assert (found.location.root, found.access.endpoint) == (bucket, endpoint)


def test_the_keyring_goes_before_what_boto3_finds(
    monkeypatch: pytest.MonkeyPatch, ring: Path
) -> None:
    given(monkeypatch, **AWS)
    store_keys("chosen", "https://mine", BucketKeys("kept id", "kept secret"))
    found = bucket_access(BucketSettings("chosen", "https://mine"))
    other = bucket_access(BucketSettings("other", "https://mine"))
    assert found is not None
    assert other is not None
    assert (found.access.key_id, found.access.secret) == ("kept id", "kept secret")
    assert other.access.key_id == ""


def test_without_those_of_r2_boto3_looks_for_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n"
    )
    found = bucket_access(BucketSettings("chosen", "https://mine"))
    assert found is not None
    assert (found.access.endpoint, found.access.key_id) == ("https://mine", "")


def test_a_bucket_that_anyone_may_read_needs_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AWS_NO_SIGN_REQUEST="YES", AWS_PROFILE="nobody")
    found = bucket_access(BucketSettings("chosen", "https://mine"))
    assert found is not None
    assert found.access == Access("https://mine", anonymous=True)
    assert bucket_access(BucketSettings()) is None
    given(monkeypatch, **R2)  # keys go before it
    found = bucket_access(BucketSettings("chosen"))
    assert found is not None
    assert not found.access.anonymous


def test_a_folder_of_a_bucket_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **R2)
    for name in ("ours/maps", "s3://ours/maps/"):
        found = bucket_access(BucketSettings(name))
        assert found is not None
        assert (found.location.root, found.location.path) == ("ours", "maps/")


@pytest.mark.parametrize("missing", R2)
def test_a_bucket_without_keys_is_said(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    given(monkeypatch, **{name: value for name, value in R2.items() if name != missing})
    given(monkeypatch, AWS_PROFILE="nobody")
    with pytest.raises(StoreAccessError, match="The bucket chosen is not used, because there are"):
        bucket_access(BucketSettings("chosen"))
    assert bucket_access(BucketSettings()) is None


def test_a_name_that_no_bucket_has_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **R2)
    with pytest.raises(UsageError, match="not a bucket name"):
        bucket_access(BucketSettings("-ours"))
