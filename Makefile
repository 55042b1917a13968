# Two commands do everything: `make run` and `make test`. They need Go and gcc
# (gcc for the NVML binding; without it set CGO_ENABLED=0 and there is no GPU).
SHELL       := /bin/bash
GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.0
FUZZTIME    ?= 5s
# The NVML header marks calls that go-nvml binds as deprecated: a page of warnings that is not ours.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

# Libraries that draw start nothing beside them and would take half the time of
# the race detector. Ones that use atomics must not be here: what they order
# would look like races of ours.
UNCHECKED := gonum.org/v1/plot/... git.sr.ht/~sbinet/gg github.com/golang/freetype/... golang.org/x/image/... codeberg.org/go-pdf/fpdf image/...
RACE := -race $(foreach p,$(UNCHECKED),-gcflags=$(p)=-race=false)

.PHONY: build run stop test lint fuzz e2e bench cost generate release release-lint clean

build: ## both binaries in bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS) -extldflags=-Wl,-z,lazy' -o bin/nodemeterd ./cmd/nodemeterd
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/nodemeter ./cmd/nodemeter

run: build ## start the agent, take a dozen samples, print the summary
	@deploy/quickstart.sh start

stop: ## stop the agent that `make run` started; its window is sealed
	@deploy/quickstart.sh stop

test: ## every test that needs nothing but Go and gcc
	$(GO) vet ./...
	$(GO) test $(RACE) ./...

lint: ## formatting and static analysis
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'run gofmt -w on the files above' >&2; exit 1; }
	$(GO) vet -tags e2e ./...
	CGO_ENABLED=0 $(GO) vet ./...
	$(GO) run $(STATICCHECK) -tags e2e ./...

# Until Go 1.27 the end of the time given can look like a failure (golang/go#75804):
# one without an input that fails, and no other message than that of the deadline.
fuzz: ## each fuzz target for FUZZTIME; a package's targets share one instrumented build
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	for d in $$(git ls-files '*_test.go' | xargs grep -lE '^func Fuzz' | xargs -n 1 dirname | sort -u); do \
	  $(GO) test -c -fuzz . -o "$$dir/fuzz.test" ./$$d; \
	  for f in $$(cat $$d/*_test.go | grep -oE '^func Fuzz[A-Za-z0-9_]+' | sed 's/^func //'); do \
	    echo "fuzz $$d $$f"; \
	    (cd $$d && "$$dir/fuzz.test" -test.run '^$$' -test.fuzz "^$$f$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir "$$dir/cache" >"$$dir/log" 2>&1) || \
	      { [ "$$(sed -n '/^--- FAIL/,/^FAIL/{/FAIL/!p}' "$$dir/log")" = '    context deadline exceeded' ] && echo "  its time ended"; } || \
	      { cat "$$dir/log"; exit 1; }; \
	  done; \
	done

e2e: build ## end-to-end tests with real components (see docs/architecture.md, Tests)
	$(GO) test -tags e2e -count=1 -timeout 20m ./cmd/e2e
	$(GO) test -tags e2e -count=1 -p 1 -run '^Test(Browser|TmpfsFilled|DaemonKeepsItsTick|LinkIsUnplugged|RealLibrary.*)$$' ./analysis/report ./collector/host ./collector/window ./gpu

bench: ## benchmarks, in benchstat's format
	$(GO) test -run '^$$' -bench . -benchmem ./...

cost: build ## what the agent costs beside the other programs that are installed, and a program beside it (docs/performance.md)
	$(GO) test -tags e2e -run '^$$' -bench 'Cost' -benchtime 60x -timeout 1h ./cmd/e2e
	$(GO) test -tags e2e -run '^$$' -bench 'Impact' -benchtime 40x -timeout 1h ./cmd/e2e

generate: ## the generated pages in docs/
	$(GO) generate ./...

# The version without a tag is that of the commit.
RELEASE_VERSION ?=
RELEASE_ARCHES  ?= amd64 arm64
release: ## packages, tarballs, SBOM and checksums in dist/ (see docs/install.md)
	deploy/package/release.sh "$(RELEASE_VERSION)" $(RELEASE_ARCHES)

# nfpm writes absolute names into an rpm, which rpmlint would unpack over this
# machine: a cpio that does not believe them goes before the real one.
release-lint: ## lintian and rpmlint on dist/
	lintian --fail-on error,warning dist/*.deb
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	printf '#!/bin/sh\nexec %s --no-absolute-filenames "$$@"\n' "$$(command -v cpio)" >"$$dir/cpio"; chmod 755 "$$dir/cpio"; \
	PATH="$$dir:$$PATH" rpmlint --strict -c deploy/package/rpm/rpmlint.toml dist/*.rpm

clean:
	rm -rf bin dist
