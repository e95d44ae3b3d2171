# Everything runs in .venv, made by `make install`.
PYTHON ?= python3.11
# The CPU build, named by its local version, so that no index can give the CUDA one instead.
# README, "Choosing torch", says how to take another.
TORCH ?= $(if $(filter Darwin,$(shell uname -s)),torch,torch==2.13.0+cpu)
BIN := .venv/bin
DEMO ?= runs/demo

.PHONY: install demo test lint bench clean

install: .venv/installed

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13), "simgen needs Python 3.11 or 3.12 (make PYTHON=...)"'
	$(BIN)/pip install -q --disable-pip-version-check '$(TORCH)' || \
	  { echo "No CPU build of torch was found: README.md, 'Choosing torch', says what to do."; exit 1; }
	$(BIN)/pip install -q --disable-pip-version-check -e '.[eval,tune,dev]'
	touch $@

demo: install
	$(BIN)/simgen demo --out $(DEMO)

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/camera.py
	$(BIN)/python benchmarks/events.py
	$(BIN)/python benchmarks/lidar.py
	$(BIN)/python benchmarks/radar.py

clean:
	rm -rf .venv runs
