# Everything that is done to this project. `make` lists it; ./bootstrap installs what it needs.

SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help deps go build generate lint test test-long e2e conformance escape vm-test bench bench-peers bench-policy bench-posix run clean

# Looked for once, when it is first needed.
GO ?= $(eval GO := $(shell ./bootstrap go))$(GO)
export GO
# A Go that will do is not exchanged for another one.
export GOTOOLCHAIN = local

# What is checked out when git can tell, the file VERSION otherwise.
VERSION := $(shell git describe --tags --dirty 2>/dev/null || { cat VERSION; git describe --always --dirty --exclude '*' 2>/dev/null | sed 's/^/+g/'; } | tr -d '\n')

# One static binary: the C library's resolver and user database are replaced by Go's, libseccomp is linked in. The same tree makes
# the same bytes wherever it lies. Where it can be, the program of `supervisor exec` is linked into it as well, at addresses that it does
# not use itself (docs/decisions/0018). It hardly ever collects garbage, and Go's former collector, as long as there is one, touches less memory before.
TAGS = -tags 'netgo osusergo'
FLAGS = -trimpath -buildvcs=false
VALUES = -s -w -buildid= -X github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke.Version=$(VERSION)
LINK = $(VALUES) -linkmode external
STATIC = -static -Wl,--build-id=none
BUILD = CGO_ENABLED=1 $(GO) build $(FLAGS) $(TAGS) -ldflags '$(LINK) -extldflags "$(STATIC)"'
EXEC = ./cmd/supervisor/internal/execute/supervisor-exec

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r target what; do printf 'make %-12s %s\n' "$$target" "$$what"; done

deps: ## install what building and testing need (asks for root where something is missing)
	./bootstrap deps

go:
	@test -n "$(GO)"

build: go ## bin/supervisor, one static binary; bin/posixderive for `policy derive`
	@mkdir -p bin
	@echo 'building bin/supervisor $(VERSION)'
	@set -e; if [ "$$($(GO) env GOARCH)" != amd64 ]; then $(BUILD) -o bin/supervisor ./cmd/supervisor; exit; fi; \
		made=.cache/supervisor-exec.$$$$; trap 'rm -f "$$made"' EXIT; \
		( ! GOEXPERIMENT=nogreenteagc $(GO) env GOVERSION >/dev/null 2>&1 || export GOEXPERIMENT=nogreenteagc; \
			CGO_ENABLED=0 $(GO) build $(FLAGS) $(TAGS) -ldflags '$(VALUES) -T 0x40001000' -o "$$made" $(EXEC) ); \
		mv "$$made" .cache/supervisor-exec; \
		joined=$$(CC="$$($(GO) env CC)" GOARCH=$$($(GO) env GOHOSTARCH) $(GO) run ./cmd/supervisor/internal/join -to .cache/join .cache/supervisor-exec); \
		CGO_ENABLED=1 $(GO) build $(FLAGS) -tags 'netgo osusergo joined' -ldflags "$(LINK) -extldflags \"$(STATIC) $$joined\"" -o bin/supervisor ./cmd/supervisor
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o bin/posixderive ./cmd/posixderive

generate: go ## write every generated file again
	$(GO) generate ./...

lint: go ## gofmt, go vet, posixvet and a syntax check of the shell scripts
	./tests/lint

test: build ## every test, as root and as an ordinary user where this machine lets us; closes with the counts
	./tests/run

test-long: build ## what takes minutes: the analyses of whole programs, and mocks/kernel against Linux in 20,000 random programs
	./tests/run --long

e2e: build ## the end-to-end tests alone, the same two ways
	./tests/run ./tests/...

conformance: go ## posix.Core: one suite on Linux as root and as a user, and on mocks/kernel; counts for each method
	./tests/conformance/run

escape: build ## the attack suite, as root and as an ordinary user: a table, the layer that stopped each, figures; fails when one gets through
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false $(TAGS) -ldflags '-s -w -buildid=' -o .cache/escape ./tests/escape
	@.cache/escape --user "$${BULKHEAD_TEST_USER:-games}"

vm-test: build ## what depends on the kernel, on Debian 12's in virtual machines (needs qemu-system-x86); BRIEF=1 for what CI does
	./tests/vm/run $(if $(BRIEF),--brief)

bench: build ## against bubblewrap, and the decorators; prints lines `figure: NAME VALUE`
	@$(BUILD) -o .cache/bench ./tests/bench
	@.cache/bench
	@$(GO) test -count=1 -timeout 20m $(TAGS) -run '^$$' -bench '^BenchmarkFigures$$' \
		$$(grep -rl --include='*_test.go' '^func BenchmarkFigures(' . | xargs -n 1 dirname | sort -u)

bench-policy: build ## filters, their compiler and their proof against libseccomp, what a call costs, and `check`; prints `figure: NAME VALUE`
	@$(BUILD) -o .cache/bench ./tests/bench
	@.cache/bench -suite policy

bench-peers: build ## against bubblewrap, crun, runc, firejail (installed for it where apt-get can) and a bare exec; prints lines `figure: NAME VALUE`
	@./bootstrap peers || echo 'bench-peers: goes on without what is missing'
	@$(BUILD) -o .cache/bench ./tests/bench
	@.cache/bench -suite peers

bench-posix: go ## what the decorators cost, and what the in-memory kernel does, and what their tests cover; prints `figure: NAME VALUE`
	@$(GO) test -count=1 -timeout 20m $(TAGS) -run '^$$' -bench '^BenchmarkFigures$$' -benchtime 5s \
		$$(grep -rl --include='*_test.go' '^func BenchmarkFigures(' ./posix ./mocks | xargs -n 1 dirname | sort -u)
	@./tests/coverage

run: build ## the demo, in the foreground
	exec bin/supervisor --policy embedded:demo

clean: ## remove what was built and the logs of tests (not Go's caches)
	rm -rf bin .cache/escape .cache/tests .cache/vm .cache/join .cache/supervisor-exec .cache/bench .cache/bootstrap.log
