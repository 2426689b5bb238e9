"""Middleware: request context, API keys and CORS."""
