"""Applications of the other servers, as in their documentation. Settings are environment variables."""
