# `make run` serves Kindred, `make test` checks it. Both do all set-up themselves and can be run again at any time.
# Both build with --release: the dependencies are compiled once for both.

.DEFAULT_GOAL := help
.PHONY: help setup setup-test web build run test check-api trials lint fmt models clean
CARGO := cargo
PORT ?= 8080
DATA ?=
MINUTES ?= 78
NPM_STAMP := static/node_modules/.package-lock.json
WEB_SOURCES := $(shell find static -path static/node_modules -prune -o -path static/dist -prune -o -type f -print)

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Set up, build, and serve on http://127.0.0.1:8080 (PORT=… for another)
	target/release/kindred serve --port $(PORT)

test: setup-test web ## Set up, then check formatting, lints, documentation, Rust, front-end and browser
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps
	$(CARGO) build --release --locked
	npm --prefix static run --silent check
	npm --prefix static test --silent
	python3 scripts/check-size
	target/release/kindred bank check
	target/release/kindred corpus check
	$(CARGO) test --release --locked
	$(CARGO) test --release --locked --features failpoints --test restart
	$(CARGO) test --release --locked --features failpoints --test crash -- faults::

build: setup web ## Build the binary, target/release/kindred
	$(CARGO) build --release --locked

setup: ## Fetch libtorch and the sentence encoder into the user's cache
	@scripts/prerequisites build
	@python3 scripts/setup

setup-test:
	@scripts/prerequisites test
	@python3 scripts/setup

web: static/dist/index.html ## Build the page

static/dist/index.html: $(NPM_STAMP) $(WEB_SOURCES)
	npm --prefix static run build

$(NPM_STAMP): static/package.json static/package-lock.json
	npm --prefix static ci --no-audit --no-fund
	@touch $@

models: build ## Train the model that ships, from this project's own texts and the data sets in DATA=… (78 minutes; MINUTES=… for another time)
	target/release/kindred train tokenizer $(if $(DATA),--data $(DATA)) --vocabulary 8192 --out runs/tokenizer
	target/release/kindred train lm $(if $(DATA),--data $(DATA)) --tokenizer runs/tokenizer --out runs/stand-in --minutes $(MINUTES)
	mkdir -p models/kindred-stand-in
	cp runs/stand-in/model/* models/kindred-stand-in/

check-api: setup-test web ## Ask the API whatever its description allows, and much that it does not (2 minutes; needs PyPI once)
	scripts/check-api

trials: setup-test web ## A thousand crashes, two hundred losses of power, ten thousand streams (20 minutes)
	scripts/trials

lint: ## Formatting, lints and documentation only
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps

fmt: ## Format everything
	$(CARGO) fmt

clean: ## Remove what was built (the user's cache stays)
	rm -rf target static/dist static/node_modules
