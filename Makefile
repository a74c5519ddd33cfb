# How long each fuzz target runs, and how often each benchmark.
FUZZTIME ?= 1m
BENCHCOUNT ?= 1

# How many cases make prove tries of each property: make prove N=100000.
N ?= 5000

# Tools have a go.mod of their own, so that the program's stays lean.
tool = go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help build demo test race bench fuzz prove lint format generate verify

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build ./bursar, a static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bursar ./cmd/bursar

demo: ## Watch a subscription live, against a simulated Stripe
	go run ./cmd/bursar demo

test: ## Run all tests, on SQLite and PostgreSQL
	go test -timeout 30m ./...

race: ## Run the tests but the long ones under the race detector
	go test -race -short -timeout 25m ./...

# The first line measures the whole, over HTTP, beside what to compare it with:
# docs/performance.md. It takes eleven minutes and wants a machine that does nothing else.
bench: ## Measure the whole, then run every benchmark
	BURSAR_BENCH=1 go test -count=1 -v -timeout 1h -run '^(TestThroughput|TestGrowth|TestMemory|TestReceivingUnderStorm)$$' .
	go test -count=1 -v -run '^TestOutboundDrain$$' ./internal/effect
	go test -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) ./...

# Targets are found, not listed: one that is written is one that runs.
fuzz: ## Run every fuzz target for FUZZTIME (1m)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | \
	while IFS=: read -r file target; do \
		dir=$$(dirname "$$file"); name=$${target#func }; \
		echo "== $$dir $$name"; \
		(cd "$$dir" && go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) .) </dev/null || exit 1; \
	done

# The promises are tests by the name of TestProve…, which look further when
# BURSAR_PROVE is set than `make test` has time for.
prove: ## Prove the promises at length: nothing lost, once, convergent
	@packages=$$(grep -rlE --include='*_test.go' '^func TestProve' . | xargs -r -n1 dirname | sort -u); \
	test -n "$$packages" || { echo 'no test is called TestProve…'; exit 1; }; \
	BURSAR_PROVE=1 RAPID_CHECKS=$(N) go test -count=1 -v -timeout 0 -run '^TestProve' $$packages

lint: ## Run go vet, golangci-lint and gofumpt
	go vet ./...
	$(tool) golangci-lint run ./...
	@unformatted=$$($(tool) gofumpt -l .) && test -z "$$unformatted" || { echo "make format would change:"; echo "$$unformatted"; exit 1; }

format: ## Format all Go files
	$(tool) gofumpt -w .

generate: ## Write anew what is generated: docs/events.md, docs/config.md
	go generate ./...

# Compared is what git says before and after, so that work that is not yet
# committed does not count.
verify: ## Check that what is generated is up to date
	@state() { git status --porcelain && git diff; }; \
	before=$$(state); go generate ./... || exit 1; \
	test "$$before" = "$$(state)" || { echo 'make generate changes:'; git --no-pager diff --stat; git status --short; exit 1; }
