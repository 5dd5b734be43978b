SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
NODE := .tools/bin/node
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo check test bench shell fmt pack clean types lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

setup: ## bring dependencies, Node 24 and Envoy 1.40 (the other targets do it when needed)
	@tools/setup.sh

setup-test:
	@tools/setup.sh test

demo: setup ## a mesh with real Envoys on this machine, live; ONCE=1 ends with the last step
	@$(NODE) packages/testbed/src/demo/main.ts

check: setup types lint ## types, lint and unit tests: under two minutes
	@$(NODE) tools/test.ts fast

test: setup-test types lint ## everything: check, then real Envoys, kills, the executable pages and the demo
	@$(NODE) tools/test.ts fast slow

bench: setup ## every benchmark, or one: NAME=fanout PROXIES=500 SERVICES=100 POLICIES=200 JSON=FILE
	@$(NODE) bench/run.ts

shell: setup ## a shell with skeinctl, skein-cp and skein-dp; PAGE=04 to follow a page by hand
	@$(NODE) packages/testbed/src/pages/interactive.ts

fmt: setup ## format, and fix what lint can fix
	@$(NODE) node_modules/.bin/biome check --write --log-level=warn

pack: setup ## compile the packages into build/ and pack them for npm
	@$(NODE) tools/pack.ts build

clean: ## remove build output; ALL=1 also dependencies and tools
	@rm -rf build $(if $(ALL),.tools node_modules)

types: setup
	@echo "types"
	@$(NODE) node_modules/.bin/tsc -p tsconfig.json

lint: setup
	@echo "lint"
	@$(NODE) node_modules/.bin/biome check --log-level=warn --max-diagnostics=50
