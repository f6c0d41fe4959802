# The two ways in: `make demo` and `make test`. Both install what is missing first.
BUILD := build/release
GNOMON := $(BUILD)/gnomon
MODEL := smollm2-135m
WERROR := $(if $(CI),ON,OFF)
PRECOMPILE := ON
# With what building the Python module and the tests in Python need.
PYTHON := $(BUILD)/venv/bin/python

.PHONY: build test demo bench sanitize coverage format clean setup

setup:
	@tools/install_packages.sh

$(BUILD)/build.ninja: CMakeLists.txt CMakePresets.json | setup
	cmake --preset release -DGNOMON_WERROR=$(WERROR) -DGNOMON_PRECOMPILE=$(PRECOMPILE)

build: setup $(BUILD)/build.ninja
	cmake --build $(BUILD) --target gnomon_cli

demo: build
	$(GNOMON) demo

$(BUILD)/venv/installed: python/requirements.txt | setup
	python3 -m venv $(BUILD)/venv
	$(PYTHON) -m pip install -q -r python/requirements.txt
	@touch $@

test: build $(BUILD)/venv/installed
	$(GNOMON) model fetch $(MODEL)
	cmake $(BUILD) -DGNOMON_BUILD_FUZZ=ON -DGNOMON_BUILD_SANITIZED=ON -DGNOMON_BUILD_PYTHON=ON -DPython_EXECUTABLE=$(CURDIR)/$(PYTHON)
	cmake --build $(BUILD)
	ctest --test-dir $(BUILD) --output-on-failure -j 2

bench: setup $(BUILD)/build.ninja
	cmake $(BUILD) -DGNOMON_BUILD_BENCH=ON
	cmake --build $(BUILD)
	@for bench in $(BUILD)/bench/*_bench; do $$bench; done

# The fast tests under the address, undefined-behaviour and thread sanitizers.
sanitize: setup
	cmake --preset asan && cmake --build --preset asan && ctest --test-dir build/asan -L fast --output-on-failure -j 2
	cmake --preset tsan && cmake --build --preset tsan && ctest --test-dir build/tsan -L fast --output-on-failure -j 2

# Lines of the library that the fast tests run: a table, and build/coverage/report/index.html line by line.
coverage: setup
	cmake --preset coverage && cmake --build --preset coverage && ctest --test-dir build/coverage -L fast -j 2
	mkdir -p build/coverage/report
	gcovr --root . --filter src/gnomon --exclude-throw-branches --html-details build/coverage/report/index.html \
	  --txt - build/coverage

format:
	git ls-files '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf build
