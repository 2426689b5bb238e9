"""The checks before a release: `make release-check`. `docs/releasing.md` describes a release."""
