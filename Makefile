.PHONY: help demo test check audit bench clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: ## Convert a 1.5 GB dataset from a server on this machine to ./demo.zarr
	@scripts/demo.sh

test: ## Run every test; sets up what it needs
	@scripts/test.sh

check: ## Format, lints and purity only
	@cargo fmt --all --check && scripts/purity.sh && cargo clippy --locked --workspace --all-targets -- -D warnings

audit: ## Licences, sources and duplicate versions of dependencies (needs cargo-deny)
	@cargo deny --locked check licenses bans sources

bench: ## Measure against xarray and dask doing the same work
	@benches/against-peer.sh

clean: ## Remove what was built, set up or converted here
	@cargo clean && rm -rf .cache demo.zarr
