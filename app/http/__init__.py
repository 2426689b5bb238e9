"""HTTP/1.1 connections over uvicorn, with limits and timeouts, and a fast path for predictions."""
