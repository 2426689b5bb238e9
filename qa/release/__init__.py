"""The checks before a release: `make release-check`. `docs/releasing.md` says how to release."""
