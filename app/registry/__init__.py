"""Versions in an object store: found, fetched into a cache, verified, published.

A store has the files of a folder of versions: `SERVE`, and `<version>/contract.json` with the files that it
names. `contract.json` is written last, so a version with one is complete; it has all digests.
For servers of files that have no list (HTTP), `VERSIONS` has the numbers, one a line.
"""

from app.registry.cache import ArtifactCache, default_cache
from app.registry.choice import choose
from app.registry.publish import publish
from app.registry.pull import pull
from app.registry.remote import RemoteArtifact
from app.registry.versions import VERSIONS_FILE, StoredVersion, StoreVersions

__all__ = [
    "VERSIONS_FILE",
    "ArtifactCache",
    "RemoteArtifact",
    "StoreVersions",
    "StoredVersion",
    "choose",
    "default_cache",
    "publish",
    "pull",
]
