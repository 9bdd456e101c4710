# Thin on purpose: the work is in docker/local/*.py, which need nothing but Python 3.9.
# PG_CONFIG=/path/pg_config picks a PostgreSQL; INVENTORY_PGPORT and INVENTORY_PORT its and the gateway's port.
PYTHON ?= python3
LOCAL := $(PYTHON) docker/local

.DEFAULT_GOAL := help
.PHONY: help demo test soak kafka up down status bench strain build install fmt lint clean-local packages packages-test shipping

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## from a bare machine to a running shop: build, start, load, replay orders, race an oversell
	@$(LOCAL)/stack.py demo

test: ## everything that CI runs; brings in what it needs
	@$(LOCAL)/testing.py

soak: ## what takes longer than CI, hours of it: the long forms of the tests, and `strain` in full
	@$(LOCAL)/testing.py soak

kafka: ## what `soak` asks of Kafka, in the short form; its library is compiled from C
	@$(LOCAL)/testing.py kafka

up: ## start the private PostgreSQL, Redis where it can be had, and the gateway; addresses in .local/env
	@$(LOCAL)/stack.py up

down: ## stop them; the data stays
	@$(LOCAL)/stack.py down

status: ## say what runs, and where
	@$(LOCAL)/stack.py status

bench: ## measure the engine beside its opponents; ARGS="--only sql_batch" picks
	@$(LOCAL)/stack.py bench $(ARGS)

strain: ## measure it under many holds, large tables, change of layout, neighbours; ARGS="--only holds" picks
	@$(LOCAL)/stack.py strain $(ARGS)

build: ## build the extension and the inventory command
	@$(LOCAL)/stack.py build

install: ## for a DBA: put the extension into the folders of PG_CONFIG's PostgreSQL (DESTDIR is honoured)
	@DESTDIR='$(DESTDIR)' $(LOCAL)/prepare.py install

packages: ## Debian packages of extension (MAJORS="15 18"; else all) and gateway, in target/packages
	@$(LOCAL)/packages.py

packages-test: ## install, use, upgrade and purge them on a clean Debian (root only)
	@$(LOCAL)/packages_test.py

shipping: ## look at what is shipped: images, compose, unit, workflow, licences; ARGS=advisories|licences|sbom tells more
	@$(LOCAL)/shipping.py $(or $(ARGS),check)

fmt: ## format the Rust code
	cargo fmt --all

lint: ## clippy over the whole workspace, warnings are errors
	@$(LOCAL)/prepare.py cargo 18 -- clippy --release --workspace --all-targets --features pg_inventory/pg18 -- -D warnings

clean-local: down ## remove everything private: servers and their data, fetched parts (not target/)
	rm -rf .local
