"""Objects in a folder or in an object store (S3, Google Cloud Storage, Azure, HTTP), with one interface.

The only code that knows the package `obstore`, which the extra `store` installs; a folder needs nothing.
"""

from app.store.base import Children, Store, StoredContent, StoredObject
from app.store.location import is_url, shown_url
from app.store.opening import StoreTimeouts, open_store

__all__ = [
    "Children",
    "Store",
    "StoreTimeouts",
    "StoredContent",
    "StoredObject",
    "is_url",
    "open_store",
    "shown_url",
]
