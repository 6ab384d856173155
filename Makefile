# The commands of this project; `make help` prints this menu. Needs only make and Python 3.11.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export KEDRO_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export RAY_USAGE_STATS_ENABLED := 0
# uv brings its own certificates; a company's network may need those of the system.
export UV_SYSTEM_CERTS := $(or $(UV_SYSTEM_CERTS),$(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false))

# Where the MLflow UI answers; the links that a run prints use the same.
PORT ?= $(or $(HRG_UI_PORT),5000)
export HRG_UI_PORT := $(PORT)

# Processes that `make test` runs in; each needs 4 to 8 GB.
WORKERS ?= 2

UV_VERSION := 0.13.9
TORCH_VERSION := 2.13.0
VENV := .venv
BIN := $(VENV)/bin
# One stamp a torch build, so that asking for another one installs it.
STAMP = $(VENV)/.setup$(addprefix -torch-,$(TORCH))
# --python: an activated environment elsewhere must not catch our packages.
INSTALL := $(BIN)/uv pip install --python $(BIN)/python

# torch comes as its own line: `TORCH=cpu|cu130|auto|...` names a build; else a wheel offered locally
# (PIP_FIND_LINKS, or find-links of pip's configuration) is taken; else the ordinary build.
TORCH ?=
FIND_LINKS = $(or $(PIP_FIND_LINKS),$(shell $(BIN)/pip config get global.find-links 2>/dev/null))
TORCH_SOURCE = $(if $(TORCH),--torch-backend $(TORCH) --reinstall-package torch,$(addprefix --find-links ,$(FIND_LINKS)))

comma := ,
empty :=
comma_list = $(subst $(empty) $(empty),$(comma),$(strip $(1)))
# ARGS stays out of the joined words: its values may hold spaces.
CHOSEN = $(call comma_list,$(if $(EXP),experiment=$(EXP)) $(if $(SEED),run.seed=$(SEED)))
PARAMS = $(CHOSEN)$(if $(CHOSEN),$(if $(ARGS),$(comma)))$(ARGS)

.PHONY: help setup train test test-nightly lint format lock ui viz bench soak clean

help: ## print this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## install everything into .venv  [TORCH=cpu|cu130|auto]

train: $(STAMP) ## train, evaluate and store a run  [EXP=experiment SEED=1 ARGS=run.n_envs=4,environment.horizon=50]
	$(BIN)/kedro run --pipelines train$(if $(PARAMS), --params '$(PARAMS)')

# Each file stays in one process, because compiled scenes and trained runs are shared within it.
test: lint ## all checks and tests, slow ones included  [WORKERS=2]
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=15 -m "not nightly"$(if $(ARGS), $(ARGS))

test-nightly: $(STAMP) ## the long statistical checks
	$(BIN)/python -m pytest -m nightly$(if $(ARGS), $(ARGS))

lint: $(STAMP) ## style, types and import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## let ruff sort imports and format the code
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

lock: $(BIN)/uv ## resolve pyproject.toml into requirements/lock.txt  [ARGS=--upgrade]
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate \
		--generate-hashes --override requirements/overrides.txt --group dev \
		pyproject.toml requirements/torch-support.in -o requirements/lock.txt -q $(ARGS)

# Job execution serves language models: seven processes that no run needs.
ui: $(STAMP) ## open the MLflow UI on the stored runs  [PORT=5000]
	@$(BIN)/python -m hrg_pipeline.tracking newest-link || true
	@store="$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"; \
	case "$$store" in \
		http:*|https:*) echo "the runs are on a server, open it: $$store" ;; \
		*) MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false exec $(BIN)/mlflow ui --port $(PORT) --workers 1 --backend-store-uri "$$store" ;; \
	esac

viz: $(STAMP) ## show the pipelines in Kedro-Viz
	run=$$($(BIN)/python -m hrg_pipeline.tracking newest-run 2>/dev/null || true); \
	$(BIN)/kedro viz run $${run:+--params run.id=$$run} $(ARGS)

bench: $(STAMP) ## measure speed of engine, shield, start-up and motion, and what the shield costs
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/overlap.py
	$(BIN)/python benchmarks/checkpoint.py
	$(BIN)/python benchmarks/shield.py
	$(BIN)/python benchmarks/liveness.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/tracking.py

soak: $(STAMP) ## attack the shield of every robot for long, and report  [CYCLES=10000000 ARGS="--json FILE"]
	$(BIN)/python benchmarks/soak.py$(if $(CYCLES), --cycles $(CYCLES))$(if $(ARGS), $(ARGS))

clean: ## remove caches; .venv, data and runs stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

# The project's own Python in .venv, with the one tool that installs the rest.
$(BIN)/uv: Makefile
	@set -e; \
	is_311='import sys; sys.exit(sys.version_info[:2] != (3, 11))'; \
	if ! $(BIN)/python -c "$$is_311" 2>/dev/null; then \
		for python in $(PYTHON) python3.11 python3 python; do \
			if $$python -c "$$is_311" 2>/dev/null; then break; fi; python=; \
		done; \
		if [ -z "$$python" ]; then \
			echo "error: Python 3.11 not found (tried $(strip $(PYTHON) python3.11 python3 python)); install it, or name it: make $(or $(firstword $(MAKECMDGOALS)),setup) PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		$$python -m venv --clear $(VENV); \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	touch $@

# --no-config: a uv.toml or index setting of this machine must not replace the torch that was asked for.
$(STAMP): $(BIN)/uv pyproject.toml requirements/lock.txt Makefile
	$(INSTALL) --no-deps --require-hashes -r requirements/lock.txt
	$(INSTALL) --no-config $(TORCH_SOURCE) torch==$(TORCH_VERSION)
	$(INSTALL) --no-deps -e .
	@touch $@
