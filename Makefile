# dlcamp: `make help` lists the words; every word is also `python -m dlcamp WORD VARIABLE=value ...`.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# not called RUN: that is a variable of the user's (make show RUN=...), which would replace it
override DLCAMP := .venv/bin/python -m dlcamp
override WORDS := exp search list describe data runs show compare report ui register rollback reproduce predict new doctor gc help

# the variables given on the command line, as they were typed, quoted for the shell; dlcamp refuses those it does not know
define newline


endef
quoted = '$(subst $(newline), ,$(subst ','\'',$(1)))'
override GIVEN = $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$(call quoted,$v=$(value $v))))

.PHONY: $(WORDS) setup check test test-all
$(WORDS): .venv/.ready
	@$(DLCAMP) $@ $(GIVEN)

setup: .venv/.ready ## build .venv from the lock
	@$(DLCAMP) allow setup $(GIVEN)

.venv/.ready: requirements.lock
	@for python in $$DLCAMP_PYTHON python3.11 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
	    exec $$python dlcamp/cli/setup.py; fi; done; \
	echo "error: dlcamp needs Python 3.11 and found none. Install it (Debian, Ubuntu: apt install python3.11 python3.11-venv;" \
	  "macOS: brew install python@3.11; anywhere: uv python install 3.11 or pyenv install 3.11)" \
	  "or name it: DLCAMP_PYTHON=/path/to/python3.11 make ..." >&2; exit 2

check: .venv/.ready ## lint, types and house tests: exactly what CI runs
	@$(DLCAMP) allow check $(GIVEN)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest tests/house

# the tests start dozens of processes: none of them should have to compile the code that another one has compiled
test test-all: export PYTHONDONTWRITEBYTECODE :=

test: .venv/.ready ## the tests (under five minutes)
	@$(DLCAMP) allow test $(GIVEN)
	.venv/bin/python -m pytest -n 2 --dist worksteal

test-all: .venv/.ready ## also the slow ones and those on real data
	@$(DLCAMP) allow test-all $(GIVEN)
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "slow or real_data or not slow"

# a word no rule knows: dlcamp names the nearest
.DEFAULT:
	@if [ -x .venv/bin/python ]; then exec $(DLCAMP) $@ $(GIVEN); fi; \
	echo "error: unknown word '$@'; the words are: $(WORDS) setup check test test-all" >&2; exit 2
