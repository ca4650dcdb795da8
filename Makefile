.PHONY: help demo test check lint-template deploy-local localstack package audit bench clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-13s %s\n", $$1, $$2}'

demo: ## Convert a 1.5 GB dataset from a server on this machine to ./demo.zarr
	@scripts/demo.sh

test: ## Run every test; sets up what it needs
	@scripts/test.sh

check: ## Format, lints and purity only
	@cargo fmt --all --check && scripts/purity.sh && cargo clippy --locked --workspace --all-targets -- -D warnings

lint-template: ## Lint template.yaml: sam, cfn-lint, checkov
	@scripts/lint-template.sh

deploy-local: ## The whole stack on this machine, without Docker: LocalStack, a request, a dataset
	@scripts/deploy-local.sh

localstack: ## LocalStack in Docker, for who has it: http://127.0.0.1:4566
	@docker compose -f infra/localstack/compose.yaml up --detach --wait

package: ## Release builds of the three functions for Lambda, zipped
	@scripts/package.sh

audit: ## Licences, sources and duplicate versions of dependencies (needs cargo-deny)
	@cargo deny --locked check licenses bans sources

bench: ## Measure against xarray and dask doing the same work
	@benches/against-peer.sh

clean: ## Remove what was built, set up or converted here
	@cargo clean && rm -rf .cache demo.zarr
