"""The models in this machine's Hugging Face cache that can be read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import check_routed, check_weights, read_config

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedModel:
    """One revision of a mixture-of-experts model in the cache."""

    name: str
    """Its hub id."""
    revision: str
    """Its commit."""
    refs: tuple[str, ...]
    """The branches and tags that point to it."""
    family: str
    """The config's model_type."""
    size: int
    """Bytes on disk. Files that revisions share count in each."""
    whole: bool
    """Whether all its weights are there, so that it loads without a network."""


def cached_models() -> tuple[CachedModel, ...]:
    """The models in the cache whose routers can be read, by name, with the newest revision of each first.

    A damaged or missing cache has none. The first call builds each model without its weights, which
    takes up to 0.3 s per model; later calls remember the result.
    """
    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except (CacheNotFound, OSError, ValueError) as error:
        _log.info("the cache cannot be scanned: %s", error)
        return ()
    found = []
    for repo in sorted(repos, key=lambda repo: repo.repo_id):
        if repo.repo_type != "model":
            continue
        for revision in sorted(repo.revisions, key=lambda r: (-r.last_modified, r.commit_hash)):
            folder = revision.snapshot_path
            family = _family_in(folder, repo.repo_id)
            if family is not None:
                refs = tuple(sorted(revision.refs))
                whole = _is_whole(folder, repo.repo_id)
                found.append(
                    CachedModel(repo.repo_id, revision.commit_hash, refs, family, revision.size_on_disk, whole)
                )
    return tuple(found)


def _family_in(folder: Path, name: str) -> str | None:
    try:
        return _family(folder, name, (folder / "config.json").stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=1024)
def _family(folder: Path, name: str, _changed: int) -> str | None:
    """The model_type in a folder's config; None if its routers cannot be read."""
    try:
        config = read_config(folder, name)
        check_routed(config, name)
    except ModelError:
        return None
    return str(config.model_type)


def _is_whole(folder: Path, name: str) -> bool:
    try:
        check_weights(folder, name)
    except (ModelError, OSError):
        return False
    return True
