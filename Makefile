# Needs Python >= 3.11 (with venv), make and git. `make` alone lists the commands.

.DEFAULT_GOAL := help
.PHONY: help venv demo test soak fuzz load coverage run format settings constraints clean
.NOTPARALLEL:

# The first interpreter that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
# The files with slow tests come first (tests/conftest.py); xdist's own order would put those of few tests last.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
export PHOTO PROMPT STYLE
FUZZ_INPUTS ?= 20000
# make coverage fails where fewer of 100 lines are run.
COVERAGE_FLOOR ?= 80
# Packages are installed without bytecode; each module is compiled once, when it is first imported. `make venv` imports
# most while it downloads weights, or each of the tests' processes, which begin together, would compile for itself.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

venv: .venv/installed ## create .venv with the versions of constraints.txt, fetch the weights that photos are read with
.venv/installed: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@[ -x $(BIN)/pip ] || "$(PYTHON)" -m venv .venv >/dev/null 2>&1 || \
		{ rm -rf .venv; echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m bot.local.install -c constraints.txt -e '.[dev]'
	@$(BIN)/python -W ignore -c 'import bot.app, trainer.adapter.run' >/dev/null 2>&1 & compiling=$$!; \
	$(BIN)/python -m engine fetch; fetched=$$?; wait $$compiling; exit $$fetched
	@touch $@

demo: venv ## one whole conversation, photo to picture (PHOTO=path PROMPT="words" STYLE=name)
	@$(BIN)/python -m bot.local demo

run: venv ## keep the bot up: on Telegram with BOT_TOKEN, else with a chat page for the browser
	@$(BIN)/python -m bot.local run

test: venv ## format, lint, types and all tests, slow ones too
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	@mkdir -p .cache
	@# mypy uses one core, and the tests wait for other things than a core now and then: both at once.
	@$(BIN)/mypy > .cache/mypy.txt 2>&1 & types=$$!; \
	OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL); tests=$$?; \
	wait $$types; types=$$?; cat .cache/mypy.txt; exit $$(( tests || types ))

soak: venv ## tests of frozen connections, and a small load with all faults; they need an idle machine
	OMP_NUM_THREADS=1 $(BIN)/pytest -m soak

fuzz: venv ## 120,000 damaged uploads, updates, buttons and messages of workers (FUZZ_INPUTS=20000 per test)
	OMP_NUM_THREADS=1 FUZZ_INPUTS=$(FUZZ_INPUTS) $(BIN)/pytest --timeout 0 tests/fuzz

load: venv ## 500 simulated users ask for 2,000 pictures, while one part after another fails
	$(BIN)/python -m benchmarks load --faults

coverage: venv ## all tests, with the share of lines that they run (COVERAGE_FLOOR=80 percent, else it fails)
	OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) --cov --cov-fail-under=$(COVERAGE_FLOOR) \
		--cov-report=term:skip-covered --cov-report=xml:.cache/coverage.xml

format: venv ## put the code into shape
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

settings: venv ## write docs/settings.md from the settings classes
	@PYTHONPATH=. $(BIN)/python tests/conventions/settings_table.py

constraints: ## write the newest allowed versions into constraints.txt
	rm -rf .cache/constraints && "$(PYTHON)" -m venv .cache/constraints
	.cache/constraints/bin/pip install --quiet -e '.[dev]'
	{ sed -n '/^#/p' constraints.txt; .cache/constraints/bin/pip freeze --exclude-editable \
		| sed 's/^\(torch==[0-9.]*\)+.*/\1/' | grep -v -e '^#' -e ' @ '; } > .cache/constraints.new
	mv .cache/constraints.new constraints.txt

clean: ## remove what the commands made: .venv, caches, local data
	rm -rf .venv .cache .stack demo/out .mypy_cache .ruff_cache .pytest_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
