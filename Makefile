# Every target is one script in scripts/, which can be called directly and says what it does.

.DEFAULT_GOAL := help
targets := setup build demo reshard-demo test test-asan test-tsan lint format sim mutants up down \
           compose-test bench-smoke bench-shards clean
.PHONY: help $(targets)

help:
	@echo 'make demo          three nodes, a real data set, a killed leader: see it work'
	@echo 'make reshard-demo  nodes come, go and die, shards split and move, all under load'
	@echo 'make test          build and run all tests'
	@echo 'make up, make down start a local cluster of three nodes that stays; stop it'
	@echo
	@echo 'make setup         install the packages that everything needs (Debian 12)'
	@echo 'make build         build the release binaries into build/release'
	@echo 'make test-asan     the tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make test-tsan     the tests under ThreadSanitizer'
	@echo 'make lint          clang-tidy and clang-format on all files'
	@echo 'make format        format all C++ files'
	@echo 'make sim           simulate fresh seeds (SEEDS=500), or one (SEED=n) with its trace'
	@echo 'make mutants       plant bugs, one at a time: the simulator must find each (ONLY=name)'
	@echo 'make compose-test  the docker-compose cluster under faults'
	@echo 'make bench-smoke   a short benchmark beside etcd'
	@echo 'make bench-shards  a split, a move and idle shards: pause, time, memory (SIZE_MB=1000)'
	@echo 'make clean         remove what the build made'

$(targets):
	@scripts/$@
