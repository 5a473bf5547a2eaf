# make run    install what is needed (first time only), then serve the app
# make test   every check: lint, types, unit tests, browser tests
# make train CORPUS=DIR   make the bundled model anew (hours); see training/README.md

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
# Another index to take torch from. PyPI's build for Linux carries CUDA (gigabytes); without an
# NVIDIA GPU:  make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

export HF_HUB_DISABLE_TELEMETRY := 1

# glibc gives large blocks back to the system and asks for them again all through a training step;
# kept, and in huge pages, they make it a quarter quicker.
KEEP_MEMORY := GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
	MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592

.PHONY: run test train

run: $(VENV)/installed
	@$(BIN)/python -m moe_viz run --host $(HOST) --port $(PORT)

# Types and the JavaScript are checked beside the tests and speak when these are done. What measures
# time runs afterwards, alone.
test: $(VENV)/installed-dev node_modules/installed
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@CHROMIUM="$$(tests/tools.sh chromium)" || exit; export CHROMIUM OMP_NUM_THREADS=1; \
		said="$$(mktemp)"; trap 'rm -f "$$said"' EXIT; \
		{ $(BIN)/mypy && npm run --silent lint && npm run --silent test; } >"$$said" 2>&1 & beside=$$!; \
		$(BIN)/python -m pytest -m "not alone" -n auto --dist loadfile --no-loadscope-reorder; tests=$$?; \
		wait $$beside; checks=$$?; cat "$$said"; [ $$checks = 0 ] && [ $$tests = 0 ] && \
		$(BIN)/python -m pytest -m alone

train: $(VENV)/installed node_modules/installed
	@test -n "$(CORPUS)" || { echo "Name the folder of text: make train CORPUS=DIR"; exit 2; }
	@$(KEEP_MEMORY) $(BIN)/python -m training --corpus "$(CORPUS)"

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("moe_viz needs Python 3.11 or newer; $(PYTHON) is %d.%d: name another one, as in `make run PYTHON=python3.12`." % sys.version_info[:2])'
	@echo "Installing into $(VENV); this happens once."
	@if [ "$$(uname -s)" = Linux ] && [ -z "$(TORCH_INDEX)" ] && ! command -v nvidia-smi >/dev/null; then \
		echo "No NVIDIA GPU seen. If pip starts to download gigabytes of CUDA, stop it (Ctrl-C) and run"; \
		echo "  make $(MAKECMDGOALS) TORCH_INDEX=https://download.pytorch.org/whl/cpu"; fi
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@$(PIP) -r requirements-dev.txt
	@touch $@

node_modules/installed: package-lock.json package.json
	@tests/tools.sh node
	@npm ci --loglevel=error --no-audit --no-fund
	@touch $@
