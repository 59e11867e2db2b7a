# kubehop's commands. `make` alone lists them; each installs what it needs and is missing.

export PATH := $(CURDIR)/node_modules/.bin:$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
PORT ?= 8080

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

setup: ## Install what is missing, and nothing else
	@tools/setup page

serve: setup ## Build the page and serve it on 127.0.0.1:8080, again after each change (PORT=… for another port)
	@PORT=$(PORT) tools/serve

build: setup ## Write dist/, for any static host and any path
	@tools/setup release
	@trunk build --release
	@node tools/sizes.mjs --readme

test: ## Run everything that guards the project
	@tools/test

test-kernel: ## Have the Linux kernel judge our rules: namespaces and real connections, as root
	@tools/setup kernel
	@tools/kernel

bench: build ## Print the budgets of the design, measured beside the peer
	@tools/setup browser
	@node benches/run.mjs

screenshots: build ## Draw the scenes in tests/pictures/ anew; `make test` compares the page with them
	@tools/setup browser
	@UPDATE_PICTURES=1 node --test tests/browser/scenes.test.mjs

fmt: ## Format the Rust code
	@cargo fmt

clean: ## Remove everything built
	@rm -rf dist target node_modules

.PHONY: help setup serve build test test-kernel bench screenshots fmt clean
