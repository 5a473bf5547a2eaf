"""Fetching a model from the Hugging Face hub: the small files first, the weights only if they will do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from moe_viz.errors import ModelError
from moe_viz.model.folder import PICKLED, check_routed, pickled_only, read_config

_SMALL = ["*.json", "*.txt", "*.model", "*.jinja"]
_WEIGHTS = ["*.safetensors"]


def fetch(name: str, revision: str | None) -> tuple[Path, str]:
    """Bring hub model `name` to this machine's cache. Returns its folder and commit.

    Without a network, the copy in the cache is used. Raises ModelError if it cannot be had,
    or if its config shows already that it has no router to look at.
    """
    try:
        with _refusals_said(name, revision):
            info = HfApi().model_info(name, revision=revision)
            _check_files(name, [sibling.rfilename for sibling in info.siblings or []])
            folder = Path(snapshot_download(name, revision=info.sha, allow_patterns=_SMALL))
            check_routed(read_config(folder, name), name)
            return Path(snapshot_download(name, revision=info.sha, allow_patterns=_SMALL + _WEIGHTS)), folder.name
    except (HTTPError, OSError, EntryNotFoundError) as error:
        return _from_cache(name, revision, error)


def fetch_config(name: str, revision: str | None) -> tuple[Path, str]:
    """Bring the config of hub model `name`, and nothing else, to the cache. Returns its folder and commit.

    Without a network, the copy in the cache is used. Raises ModelError if it cannot be had.
    """
    try:
        with _refusals_said(name, revision):
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=["config.json"]))
            return folder, folder.name
    except (HTTPError, OSError, EntryNotFoundError) as error:
        return _from_cache(name, revision, error)


@contextmanager
def _refusals_said(name: str, revision: str | None) -> Iterator[None]:
    """Turn what the hub refuses into a ModelError that says what to do."""
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
            f"there is no model {name!r} on the Hugging Face hub, or it is private; check the spelling"
        ) from error
    except HFValidationError as error:
        raise ModelError(f"{name!r} is not a hub id such as 'allenai/OLMoE-1B-7B-0924' ({error})") from error


def _check_files(name: str, files: list[str]) -> None:
    if not any(file.endswith(".safetensors") for file in files):
        if any(Path(file).suffix in PICKLED for file in files):
            raise ModelError(pickled_only(name))
        raise ModelError(f"{name} has no safetensors weights; choose another model")


def _from_cache(name: str, revision: str | None, cause: Exception) -> tuple[Path, str]:
    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        raise ModelError(
            f"the Hugging Face hub cannot be reached, and {name} is not in this machine's cache; check the"
            " network (and HF_HUB_OFFLINE), or name a local folder or 'demo'"
        ) from cause
    return folder, folder.name
