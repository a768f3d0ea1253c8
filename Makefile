# Two commands do all the set-up: `make demo` and `make test`. The rest are for everyday work.

PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)
# The long tests mostly wait, for a process or a clock: three at a time for each processor.
TEST_JOBS ?= $(shell expr $(JOBS) \* 3)

# Tests of what has threads: tasks, the agent, the server.
THREADED = ^(unit\.(agent|freertos|esp_|mqtt|nvs|server|unity)|e2e\.(agent|delta|mqtt|push|server))

.PHONY: all demo test test-asan test-tsan torture deltas hostile chaos screenshots check mutants fuzz bench install clean help

all: build/dev/build.ninja  ## build everything
	ninja -C build/dev -j$(JOBS)

demo:  ## a virtual ESP32 updates itself over HTTPS, confirms, and rolls a bad release back
	scripts/install-deps.sh demo
	cmake --preset dev -DBUILD_TESTING=OFF -B build/demo > /dev/null
	ninja -C build/demo -j$(JOBS) stage
	build/demo/stage/bin/airlift demo

test:  ## unit, conformance and end-to-end tests
	scripts/install-deps.sh test
	cmake --preset dev > /dev/null
	ninja -C build/dev -j$(JOBS)
	ctest --test-dir build/dev -j$(TEST_JOBS) --output-on-failure

test-asan:  ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	scripts/install-deps.sh test
	cmake --preset asan > /dev/null
	ninja -C build/asan -j$(JOBS)
	ctest --test-dir build/asan -j$(TEST_JOBS) --output-on-failure

test-tsan:  ## what uses threads, under ThreadSanitizer
	scripts/install-deps.sh test
	cmake --preset tsan > /dev/null
	ninja -C build/tsan -j$(JOBS)
	rm -f build/tsan/race.*
	TSAN_OPTIONS="report_thread_leaks=0 log_path=$(CURDIR)/build/tsan/race" ctest --test-dir build/tsan -j$(TEST_JOBS) --output-on-failure -R '$(THREADED)'
	! cat build/tsan/race.* 2> /dev/null

torture:  ## cut the power at every flash operation of a device's life, and at every second one
	scripts/install-deps.sh demo
	cmake --preset release > /dev/null
	ninja -C build/release -j$(JOBS) airlift-torture
	build/release/tests/powercut/airlift-torture --jobs $(JOBS)

hostile:  ## apply HOSTILE_COUNT (10 million by default) patches that no encoder made
	scripts/install-deps.sh test
	cmake --preset release > /dev/null
	ninja -C build/release -j$(JOBS) airlift-hostile
	build/release/tests/hostile/airlift-hostile --count $(or $(HOSTILE_COUNT),10000000)

chaos:  ## kill sender, device and power at random, CHAOS_RUNS (50 by default) updates of each kind
	scripts/install-deps.sh test
	cmake --preset dev > /dev/null
	ninja -C build/dev -j$(JOBS) stage
	python3 -B tests/chaos/chaos.py build/dev/stage --runs $(or $(CHAOS_RUNS),50) --jobs $(JOBS)

deltas:  ## update a virtual device by patches between real releases (in AIRLIFT_FIRMWARE), with 500 power cuts
	scripts/install-deps.sh test
	cmake --preset release > /dev/null
	ninja -C build/release -j$(JOBS) stage
	python3 -B tests/e2e/delta.py build/release/stage --corpus $(or $(AIRLIFT_FIRMWARE),tests/data/firmware)

screenshots:  ## take the dashboard's picture for the README anew, of a run of five minutes
	scripts/install-deps.sh test
	cmake --preset dev > /dev/null
	ninja -C build/dev -j$(JOBS) stage
	python3 -B scripts/screenshot.py build/dev/stage docs/images/dashboard.png

check:  ## formatting and static checks
	scripts/install-deps.sh ci
	scripts/check-style.sh

mutants:  ## take out one check at a time, of core, of the ESP-IDF API, of server and agent: does a test notice?
	scripts/install-deps.sh test
	cmake --preset dev > /dev/null
	scripts/mutate-core.sh
	scripts/mutate-idf.sh
	ninja -C build/dev -j$(JOBS) stage
	scripts/mutate-fleet.sh

fuzz:  ## run every fuzz target for FUZZ_SECONDS (600 by default) each
	scripts/install-deps.sh ci
	cmake --preset fuzz > /dev/null
	ninja -C build/fuzz -j$(JOBS) fuzz_targets
	scripts/fuzz.sh build/fuzz $(or $(FUZZ_SECONDS),600)

bench:  ## ratios measured in one run
	scripts/install-deps.sh bench
	cmake --preset release > /dev/null
	ninja -C build/release -j$(JOBS) bench

install:  ## install under PREFIX (/usr/local by default), DESTDIR is honoured
	scripts/install-deps.sh demo
	cmake --preset release -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) > /dev/null
	ninja -C build/release -j$(JOBS) all
	cmake --install build/release

build/dev/build.ninja:
	scripts/install-deps.sh test
	cmake --preset dev

clean:  ## remove everything that was built
	rm -rf build

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'
