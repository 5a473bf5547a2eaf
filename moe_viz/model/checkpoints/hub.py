"""Fetching a model from the Hugging Face hub: the small files first, then the weights if the model can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx2 import HTTPError, TransportError
from huggingface_hub import HfApi, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)

from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import PICKLED, check_routed, pickled_only, read_config, weight_names
from moe_viz.model.checkpoints.hf_cache import cached_models
from moe_viz.model.checkpoints.progress import Reporter

_SMALL = (".json", ".txt", ".model", ".jinja")
_NAMED = 5
"""At most this number of the models in the cache are named if another model cannot be fetched."""


def fetch(name: str, revision: str | None, report: Reporter) -> tuple[Path, str]:
    """Bring hub model `name` to this machine's cache. Returns its folder and commit.

    Files that are there already are not fetched again, and a download that broke off is continued.
    Without a network the copy in the cache is used. Raises ModelError if the model cannot be fetched,
    or if its config shows that it has no router.
    """
    try:
        with _refusals_said(name, revision):
            commit = HfApi().resolve_revision(name, revision=revision)
            info = HfApi().model_info(name, revision=commit.resolved, files_metadata=True)
            sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if "/" not in file.rfilename}
            _check_files(name, sizes)
            small = [file for file in sizes if file.endswith(_SMALL)]
            folder = Path(snapshot_download(name, revision=commit, allow_patterns=small))
            check_routed(read_config(folder, name), name)
            weights = weight_names(folder, name)
            missing = sum(
                sizes.get(file, 0)
                for file in weights
                if not isinstance(try_to_load_from_cache(name, file, revision=commit.resolved), str)
            )
            if missing:
                report("downloading", 0, missing)
                bar = report.download_bar(missing)
                snapshot_download(name, revision=commit, allow_patterns=weights, tqdm_class=bar)
            return folder, folder.name
    except (HTTPError, OSError, EntryNotFoundError, RevisionResolutionError) as error:
        if error is report.raised:
            raise
        return _from_cache(name, revision, error)


def fetch_config(name: str, revision: str | None) -> tuple[Path, str]:
    """Bring the config of hub model `name`, and nothing else, to the cache. Returns its folder and commit.

    Without a network the copy in the cache is used. Raises ModelError if there is none.
    """
    try:
        with _refusals_said(name, revision):
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=["config.json"]))
            return folder, folder.name
    except (HTTPError, OSError, EntryNotFoundError) as error:
        return _from_cache(name, revision, error)


@contextmanager
def _refusals_said(name: str, revision: str | None) -> Iterator[None]:
    """Turn a refusal of the hub into a ModelError that says what to do."""
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} asks for its terms to be accepted: do so on its page at huggingface.co, log in with"
            " `hf auth login`, then load it again"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} has no revision {revision!r} on the Hugging Face hub") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"there is no model {name!r} on the Hugging Face hub, or it is private; check the spelling, or log in"
            " with `hf auth login`"
        ) from error
    except HFValidationError as error:
        raise ModelError(f"{name!r} is not a hub id such as 'allenai/OLMoE-1B-7B-0924' ({error})") from error


def _check_files(name: str, files: dict[str, int]) -> None:
    if not any(file.endswith(".safetensors") for file in files):
        if any(Path(file).suffix in PICKLED for file in files):
            raise ModelError(pickled_only(name))
        raise ModelError(f"{name} has no safetensors weights; choose another model")


def _from_cache(name: str, revision: str | None, cause: Exception) -> tuple[Path, str]:
    """The copy in the cache, or a ModelError that says why there is no other."""
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=["config.json"], local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        others = sorted({model.name for model in cached_models() if model.whole})
        named = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "") if others else "nothing"
        raise ModelError(
            f"{_why(cause)}; and {name} is not in this machine's cache (of models that can be read it has: {named})."
            " A local folder and 'demo' need no network"
        ) from cause
    return folder, folder.name


def _why(error: BaseException) -> str:
    """Why the hub did not answer, and what to do."""
    if isinstance(error, LocalEntryNotFoundError | RevisionResolutionError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so that nothing is fetched: unset it to download models"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == 429:
        return "the Hugging Face hub asks to wait (429, too many requests): try again in some minutes, or log in"
    if status is not None and status >= 500:
        return f"the Hugging Face hub has a fault ({status}): try again later"
    if status is not None:
        return f"the Hugging Face hub refuses ({status}): check your login with `hf auth whoami`"
    if isinstance(error, TransportError | ConnectionError | TimeoutError):
        return f"the Hugging Face hub cannot be reached ({error}): check the network"
    return f"the download failed ({error})"
