"""Errors of boto3 as sentences for the user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from diffviews_desktop.data.stores.store import Access
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
    brief,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible

_WRONG_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthorizationHeaderMalformed",
    "Unauthorized",
    "401",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_BUSY = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "TooManyRequests"}
_MISSING = {"NoSuchKey", "NotFound", "404"}
_CHANGED = {"PreconditionFailed", "412", "InvalidRange", "416"}


@contextlib.contextmanager
def store_errors(place: str, bucket: str, key: str, access: Access) -> Iterator[None]:
    """Make a `StoreError` of whatever boto3 raises.

    Args:
        place: the store, as a sentence has it.
        bucket: its name.
        key: of the object that is asked for; empty for none.
        access: whether there are keys tells what to do about them.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        raise _of_answer(error.response, place, bucket, key) from None
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise _of_library(error, place, access) from None
    except (ResponseParserError, KeyError):
        raise StoreError(
            f"What answered for {place} is not an S3 service. Check the endpoint."
        ) from None
    except ValueError as error:  # an endpoint that is no address
        raise StoreError(f"{place} cannot be asked ({brief(error)}). Check the endpoint.") from None


def _of_answer(
    answer: dict[str, dict[str, str | int]], place: str, bucket: str, key: str
) -> StoreError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    name = f"“{visible(key, MOST_OF_NAME)}” in {place}" if key else place
    if code == "NoSuchBucket":
        return StoreNotFoundError(
            f"There is no bucket “{bucket}”. Check its name, and the endpoint it belongs to."
        )
    if code in _MISSING:
        return StoreNotFoundError(f"{name} is not there. Check the name.")
    if code in _CHANGED:
        return StoreChangedError(f"{name} was changed while it was fetched. Try again.")
    if code == "RequestTimeTooSkewed":
        return StoreAccessError(
            f"{place} refuses the keys because the clock of this computer is wrong. Set it, then "
            "try again."
        )
    if code in _EXPIRED:
        return StoreAccessError(
            f"The keys for {place} have expired. Get new ones, or sign in again."
        )
    if code in _WRONG_KEYS:
        return StoreAccessError(
            f"{place} does not know the keys, or the secret is wrong. Check both, and the endpoint."
        )
    if status == 403:
        return StoreAccessError(
            f"{name} may not be read or written with these keys. Ask its owner for access, or use "
            "other keys.",
            whole=not key,
        )
    if status >= 500 or status == 429 or code in _BUSY:
        return StoreUnreachableError(
            f"{place} cannot answer at the moment ({visible(code, MOST_OF_NAME)}). Try again later."
        )
    message = visible(str(answer.get("Error", {}).get("Message", "")), 200)
    return StoreError(
        f"{place} refuses ({visible(code, MOST_OF_NAME)}: {message}). Check the endpoint."
    )


def _of_library(error: Exception, place: str, access: Access) -> StoreError:
    from botocore import exceptions as raised

    if isinstance(error, raised.ProfileNotFound):
        return StoreAccessError(
            f"The configuration of AWS has no profile “{visible(access.profile, MOST_OF_NAME)}”. "
            "Choose another."
        )
    signing_in = (
        raised.SSOError,
        raised.TokenRetrievalError,
        raised.UnauthorizedSSOTokenError,
        raised.CredentialRetrievalError,
    )
    if isinstance(error, signing_in):
        return StoreAccessError(
            f"The keys for {place} could not be obtained. Sign in again (aws sso login), then "
            "try again."
        )
    if isinstance(error, raised.NoCredentialsError | raised.PartialCredentialsError):
        return StoreAccessError(
            f"The keys for {place} are missing or incomplete. Set both the key and its secret, or "
            "enter them in the window's preferences."
        )
    if isinstance(error, raised.SSLError):
        return StoreUnreachableError(
            f"The certificate of {place} is not valid here. Check the endpoint and the clock; a "
            "company's own certificate goes into AWS_CA_BUNDLE."
        )
    if isinstance(error, raised.ReadTimeoutError | raised.ConnectTimeoutError):
        return StoreUnreachableError(
            f"{place} does not answer. Check the connection, or try later."
        )
    if isinstance(error, raised.ParamValidationError | raised.InvalidEndpointConfigurationError):
        return StoreError(
            f"{place} cannot be asked. Check the name of the bucket and the endpoint."
        )
    return StoreUnreachableError(
        f"There is no connection to {place}, or it broke. Check the network and the endpoint."
    )
