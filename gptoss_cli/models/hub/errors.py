"""The errors of huggingface_hub and its HTTP client, in words that a person can act on.

What the hub says in its own sentences is not repeated: its status and short codes are enough, and
its texts are not trusted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx2
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from gptoss_cli.errors import DownloadError, RefusedError
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.settings import HubSettings
from gptoss_cli.models.transfer.remote import duration, retry_after_s


@contextlib.contextmanager
def translated(
    settings: HubSettings,
    model: HubModel | None,
    *,
    has_token: bool,
    near: Callable[[], Sequence[str]] = tuple,
) -> Iterator[None]:
    """Translate what goes wrong while the hub is asked, about `model` if it is about one.

    `has_token`: whether a token was sent; `near`: finds names like one that does not exist.
    """
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise offline() from error
    except HfHubHTTPError as error:
        raise _refusal(error, settings, model, has_token=has_token, near=near) from error
    except httpx2.TimeoutException as error:
        raise DownloadError(
            f"{settings.shown_endpoint} does not answer.",
            hint="try again later, or check the network",
        ) from error
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        certificate = "certificate" in str(error).casefold()
        raise DownloadError(
            f"{settings.shown_endpoint} cannot be reached"
            f"{': its certificate is not trusted' if certificate else ''}.",
            hint="SSL_CERT_FILE names the certificates of a proxy"
            if certificate
            else "check the network; what is downloaded already works without it",
        ) from error
    except ImportError as error:  # a SOCKS proxy needs a package of its own
        raise DownloadError(
            f"the proxy cannot be used: {error.name or 'a package'} is not installed.",
            hint="pip install socksio, or unset ALL_PROXY",
        ) from error
    except OSError as error:  # certificates that are not where they should be
        reason = error.strerror or type(error).__name__
        raise DownloadError(
            f"{settings.shown_endpoint} cannot be reached: {reason}.",
            hint="SSL_CERT_FILE must name a file that is there",
        ) from error
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise DownloadError(
            f"{settings.shown_endpoint} does not answer as the hub does.",
            hint="check HF_ENDPOINT, or log in to this network in a browser",
        ) from error


def offline() -> DownloadError:
    """Return the error of asking the network when nothing may be asked."""
    return DownloadError(
        "HF_HUB_OFFLINE is set: nothing is asked of the network.", hint="unset HF_HUB_OFFLINE"
    )


def _refusal(
    error: HfHubHTTPError,
    settings: HubSettings,
    model: HubModel | None,
    *,
    has_token: bool,
    near: Callable[[], Sequence[str]],
) -> DownloadError:
    """Return what the hub's refusal means for a person, by its status and its own short code."""
    status = error.response.status_code
    code = error.response.headers.get("X-Error-Code", "")
    if status in {401, 403, 404} and model is not None:
        message, hint = no_access(status, code, settings, model, has_token=has_token, near=near)
        return RefusedError(message, status=status, code=code, hint=hint)
    if status in {401, 403}:
        return RefusedError(
            f"the hub refuses the token ({status}).",
            status=status,
            code=code,
            hint=settings.login_hint,
        )
    if status == 429:
        wait_s = asked_wait_s(error)
        when = f"in {duration(wait_s)}" if wait_s else "in a few minutes"
        login = "" if has_token else "; who is logged in may ask more often: hf auth login"
        return DownloadError("the hub is asked too often from here.", hint=f"again {when}{login}")
    if status >= 500:
        return DownloadError(f"the hub is out of order ({status}).", hint="try again later")
    return DownloadError(
        f"the hub refuses ({status}): {settings.shown_endpoint}.", hint="check HF_ENDPOINT"
    )


def no_access(
    status: int,
    code: str,
    settings: HubSettings,
    model: HubModel,
    *,
    has_token: bool,
    near: Callable[[], Sequence[str]] = tuple,
) -> tuple[str, str]:
    """Return a sentence and a hint for a 401, 403 or 404 about `model`.

    `status` and `code` are what ``RefusedError`` carries, also when a file was refused.
    """
    page = f"{settings.shown_endpoint}/{model.repo_id}"
    if code == "GatedRepo":
        return (
            (
                f"{model.repo_id} is gated, and this token's account has no access to it.",
                f"ask for access at {page}",
            )
            if has_token
            else (
                f"{model.repo_id} is gated: its authors want you to agree to their terms.",
                f"agree at {page}, then: hf auth login",
            )
        )
    if code == "RevisionNotFound":
        return f"{model.repo_id} has no revision {model.revision}.", f"gptoss pull {model.repo_id}"
    if code == "EntryNotFound":
        return f"{model.repo_id} has this file no more.", f"gptoss pull {model.repo_id}"
    if status == 401 and has_token:
        return "the hub does not know the token: it is wrong or has expired.", settings.login_hint
    if status == 403:
        return (
            f"{model.repo_id} may not be read{' with this token' if has_token else ''}.",
            f"a fine-grained token needs the right to read it; for another: {settings.login_hint}",
        )
    private = "" if has_token else "; if it is private: hf auth login"
    names = [name for name in near() if name != model.short]
    meant = f"did you mean {' or '.join(names)}?" if names else "gptoss models search WORD"
    # Who is not logged in is told the same of what is private and of what is not there.
    hidden = ", or hides it" if status == 401 else ""
    return f"the hub has no repository {model.repo_id}{hidden}.", meant + private


@contextlib.contextmanager
def refusals_explained(
    model: HubModel, settings: HubSettings, headers: Mapping[str, str]
) -> Iterator[None]:
    """Say a refusal of a file of `model` in the words of a refused repository.

    `headers` are those that were sent: they tell whether a token was among them.
    """
    try:
        yield
    except RefusedError as error:
        has_token = any(name.lower() == "authorization" for name in headers)
        message, hint = no_access(error.status, error.code, settings, model, has_token=has_token)
        raise RefusedError(message, status=error.status, code=error.code, hint=hint) from error


def asked_wait_s(error: HfHubHTTPError) -> float:
    """Return how many seconds the hub asks to wait; 0 if it does not."""
    return retry_after_s(error.response.headers, now_s=time.time()) or 0.0
