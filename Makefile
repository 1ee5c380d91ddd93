# The everyday commands; the work is done by CMake and by the scripts in tests/setup.
#   make run        a shell in the dev sandbox (without a terminal: a short tour)
#   make test       everything through ctest; TESTS=REGEX picks some, SANITIZE=1 builds with ASan and UBSan
#   make soak       three times the same with more rounds (kill storms, bulk, cycles), then SANITIZE=1, then fuzz
#   make bench      side by side with bubblewrap, unshare, slirp4netns and pasta
#   make fuzz       each fuzz target for FUZZ_SECONDS (60)
#   make deps       install what is missing (as root, or with sudo)
#   make install    PREFIX=/usr/local, DESTDIR=
# As root, run, test, soak, bench and fuzz use the account sbx-test and its own copy of the project.
.DEFAULT_GOAL := build
.PHONY: build deps run test soak bench fuzz install
setup := tests/setup
BUILD ?= $(if $(SANITIZE),build-sanitize,build)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
export SANITIZE TESTS FUZZ_SECONDS

deps:
	@$(setup)/packages.sh base $(if $(filter fuzz soak,$(MAKECMDGOALS)),fuzz)

build: deps
	@test -f $(BUILD)/build.ninja || cmake -G Ninja -B $(BUILD) $(if $(SANITIZE),-DSBX_SANITIZE=ON)
	@cmake --build $(BUILD) -j $(JOBS)

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

ifeq ($(shell id -u),0)
run test soak fuzz bench: deps
	@$(setup)/as_account.sh $(MAKE) --no-print-directory $@
	$(if $(filter bench,$@),@$(setup)/as_account.sh --root $(BUILD)/tests/bench/launch --memory $(BUILD)/sbx)
else
run: build
	@$(setup)/run.sh $(BUILD)/sbx

test: build
	@$(setup)/run_tests.py $(BUILD) -j $(JOBS) $(if $(TESTS),-R '$(TESTS)')

soak: build
	@SBX_SOAK=1 $(setup)/run_tests.py $(BUILD) -j $(JOBS) --repeat until-fail:3 $(if $(TESTS),-R '$(TESTS)')
	@$(MAKE) --no-print-directory test SANITIZE=1
	@$(setup)/fuzz.sh $(FUZZ_SECONDS)

bench: build
	@$(BUILD)/tests/bench/launch $(BUILD)/sbx
	@tests/bench/build.py $(BUILD)/sbx
	@tests/bench/changes.py $(BUILD)/sbx
	@tests/bench/net.py $(BUILD)/sbx $(BUILD)/tests/traffic

fuzz: deps
	@$(setup)/fuzz.sh $(FUZZ_SECONDS)
endif
