"""The kinds of problem: slug, status, title and remedy of every error over HTTP, in one table.

The slugs and statuses are part of the API: clients match on them.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import errors


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its slug under `/problems/`, status, title and remedy for the client."""

    slug: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        """The problem's type, a reference that this server resolves."""
        return self.type_under("")

    def type_under(self, root_path: str) -> str:
        """The type as clients can resolve it where a proxy serves this server under a path.

        Args:
            root_path: that path, as the setting has it; empty without one.
        """
        return f"{root_path}/problems/{self.slug}"


INTERNAL = Kind(
    "internal",
    500,
    "Internal error",
    "Report the request id to the operator. The server's log has the cause.",
)

# Of protocols whose requests name the model, which have their own form for errors: never a problem document.
UNKNOWN_MODEL = Kind(
    "unknown-model",
    404,
    "Model or version not loaded",
    "Use the model's name and a loaded version; GET /model returns both.",
)

# As above.
NOT_OFFERED = Kind("not-offered", 501, "Not offered", "Use one of the methods that /docs lists.")

KINDS: dict[type[errors.AppError], Kind] = {
    errors.Unauthorized: Kind(
        "unauthorized",
        401,
        "API key missing or unknown",
        "Send one valid API key, in Authorization or X-API-Key. Ask the operator of the server for a key.",
    ),
    errors.MalformedPayload: Kind(
        "malformed",
        400,
        "Request body cannot be read",
        "Send the complete body, in the format that Content-Type and Content-Encoding name.",
    ),
    errors.SlowPayload: Kind(
        "slow",
        408,
        "Request body timed out",
        "Send the complete body within X-Request-Timeout and within the server's own timeout.",
    ),
    errors.PayloadTooLarge: Kind(
        "too-large", 413, "Request body too large", "Send fewer series in each request."
    ),
    errors.UnsupportedMediaType: Kind(
        "media-type",
        415,
        "Media type not supported",
        "Send application/json in UTF-8 or application/x-npy; compress it with gzip, deflate or not at all.",
    ),
    errors.ContractViolation: Kind(
        "contract",
        422,
        "Request does not match the model's contract",
        "Correct the request at each place that `violations` lists. GET /model returns the contract.",
    ),
    errors.NotSealed: Kind(
        "not-sealed",
        501,
        "Not offered by this model version",
        "Ask for a version that has it (`?version=`), or train and seal the model again with this release.",
    ),
    errors.Forbidden: Kind(
        "forbidden",
        403,
        "Not allowed from this address",
        "Send the request from the server's own machine, or with an API key if the server has keys.",
    ),
    errors.UnknownModel: UNKNOWN_MODEL,
    errors.NotOffered: NOT_OFFERED,
    errors.QueueFull: Kind(
        "queue-full",
        429,
        "Too many requests",
        "Retry after Retry-After seconds. If the detail names the deadline, send a longer X-Request-Timeout.",
    ),
    errors.BodyBudgetFull: Kind(
        "body-bytes",
        429,
        "Too many request bodies",
        "Retry after Retry-After seconds, with fewer series in each request or fewer requests at once.",
    ),
    errors.ClientClosed: Kind(
        "cancelled",
        499,
        "Client closed its sending side",
        "Keep the connection open in both directions until the response has arrived.",
    ),
    errors.EngineError: Kind(
        "engine",
        500,
        "The engine failed",
        "Retry once. If it fails again, report the request id to the operator.",
    ),
    errors.NotReady: Kind(
        "not-ready",
        503,
        "Not ready",
        "Retry after Retry-After seconds, or send the request to another replica.",
    ),
    errors.DeadlineExceeded: Kind(
        "deadline",
        504,
        "Deadline exceeded",
        "Retry with fewer series. If you send X-Request-Timeout, send a longer one.",
    ),
}
# Errors of the HTTP framework.
FRAMEWORK = {
    404: Kind("not-found", 404, "No such route", "Use one of the routes that /docs lists."),
    405: Kind("method", 405, "Method not allowed", "Use a method that the Allow header lists."),
}
# Errors without a readable request; the connection is closed.
CONNECTION = {
    400: Kind(
        "not-http",
        400,
        "Not a valid HTTP request",
        "Send HTTP/1.1 with one Host header and the correct length of the body.",
    ),
    414: Kind("target", 414, "URL too long", "Send series in the body, not in the URL."),
    501: Kind(
        "transfer-coding",
        501,
        "Transfer coding not supported",
        "Send Content-Length, or Transfer-Encoding: chunked.",
    ),
    505: Kind("http-version", 505, "HTTP version not supported", "Send HTTP/1.1 or HTTP/1.0."),
    431: Kind("head", 431, "Request headers too large", "Send fewer and shorter headers and trailers."),
    503: Kind(
        "connections",
        503,
        "Too many connections",
        "Retry after Retry-After seconds. Keep connections open and reuse them.",
    ),
}
# Errors of the balancer (deploy/haproxy.cfg) alone; it uses kinds from above, too.
BALANCER = {
    400: Kind(
        "broken-off",
        400,
        "Request incomplete",
        "Send the complete body, and close the connection only after the response.",
    ),
    429: Kind(
        "rate-limit",
        429,
        "Rate limit reached",
        "Retry after Retry-After seconds, and send fewer requests per second.",
    ),
}
_DOCUMENTS = (kind for kind in KINDS.values() if kind not in (UNKNOWN_MODEL, NOT_OFFERED))
ALL_KINDS = (*_DOCUMENTS, *FRAMEWORK.values(), *CONNECTION.values(), *BALANCER.values(), INTERNAL)
