"""HTTP/1.1 connections over uvicorn, with limits, and the fast path of the requests that come most often."""
