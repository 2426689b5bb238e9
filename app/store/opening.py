"""Opens a store by its URL or path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import StoreUnsupported
from app.store.folder import FolderStore
from app.store.location import check_url, is_url

if TYPE_CHECKING:
    from app.store.base import Store


@dataclass(frozen=True, slots=True)
class StoreTimeouts:
    """Timeouts of an object store, all in seconds; a folder has none.

    Attributes:
        connect: of one attempt to connect.
        read: without a byte from the store; after it, the attempt fails.
        retries: attempts after the first, with growing pauses: after errors of the network and of the server.
        total: from the first attempt on, after which no other is made.
    """

    connect: float = 5.0
    read: float = 15.0
    retries: int = 5
    total: float = 30.0


def open_store(place: str | Path, *, timeouts: StoreTimeouts | None = None) -> Store:
    """A store; no request is sent and no file is opened.

    Credentials and endpoints of object stores are those of the environment, such as `AWS_ACCESS_KEY_ID`
    and `AWS_ENDPOINT_URL`. Open it in the process that uses it: it does not survive a fork.

    Args:
        place: a folder, or a URL: `s3://bucket/folder`, `gs://…`, `az://…`, `https://…`, `http://…`.
        timeouts: of an object store.

    Raises:
        StoreUnsupported: the scheme is unknown, a setting of the environment is not valid, or the extra
            `store` is not installed.
    """
    if isinstance(place, Path) or not is_url(place):
        return FolderStore(Path(place))
    url = check_url(place)
    try:
        from app.store.objects import ObjectStore
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise StoreUnsupported(
            f"{url.partition('://')[0]}:// needs the package obstore; install requirements/extras/store.txt"
        ) from error
    return ObjectStore(url, timeouts or StoreTimeouts())
