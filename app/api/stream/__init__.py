"""`POST /predict/stream`: predictions for the windows of a recording while it arrives.

The body is a recording of any length, in chunks of any size; the response has a line of JSON for each window,
sent as soon as the window is complete and computed. It holds a few windows, whatever the client does:

| the client | the server |
|---|---|
| sends faster than windows are computed | reads no more until there is room |
| does not read the response | reads no more; after the connection's read timeout, ends the connection |
| sends nothing | ends the response with a problem after the request's timeout |
| sends too much for the queue | waits for room, at most for the request's timeout |

It is a plain ASGI route. Starlette's `StreamingResponse` listens for a disconnect while it sends, and that
takes away messages of the body.
"""
