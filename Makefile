# `make` lists the targets. Everything lies in .sandbox (SANDBOX_HOME names another folder).
# Where the app runs: instance or kubernetes.
TARGET ?= instance
stack_of_instance := local
stack_of_kubernetes := local-oke
local_stack = $(or $(stack_of_$(TARGET)),$(error TARGET is instance or kubernetes, not $(TARGET)))
STACK ?= $(local_stack)
ARGS ?=
TESTS ?=
SANDBOX_HOME ?= $(CURDIR)/.sandbox
export SANDBOX_HOME
bin := $(SANDBOX_HOME)/venv/bin
sandbox := $(bin)/python -m sandbox
pulumi := sandbox/pulumi
PULUMI ?= $(pulumi)
# A preview's summary (Markdown) and its plan, both files; "" for none.
SUMMARY ?=
PLAN ?=
review = python3 -m review $@ --pulumi '$(PULUMI)' --stack '$(STACK)' $(if $(SUMMARY),--summary '$(SUMMARY)')
# What previews on the sandbox's providers need; it takes a quarter of a second when it is there.
prepared = $(if $(filter $(pulumi),$(PULUMI)),sandbox/bootstrap --preview && $(sandbox) prepare-preview >&2)
put_right = set -f; python3 interrupted.py --stack '$(STACK)' --pulumi '$(PULUMI)' $$FOUND
# What previews and updates have to meet (docs/policies.md); POLICIES= leaves it out.
POLICIES ?= policy/run
policies = $(if $(POLICIES),--policy-pack $(POLICIES))
pytest := $(bin)/python -m pytest -v --durations=15
# Files that need no machine, cluster, registry or builder two at a time, then those that share what the sandbox has of these.
every_test = status=0; $(pytest) --numprocesses=2 --dist=loadfile tests/unit tests/engine || status=1; \
	$(pytest) tests/kubernetes tests/images tests/e2e || status=1; exit $$status
# For container tools that ask the sandbox's registry.
as_sandbox := SSL_CERT_FILE=$(SANDBOX_HOME)/registry/tls/bundle.pem REGISTRY_AUTH_FILE=$(SANDBOX_HOME)/account/registry-auth.json

.DEFAULT_GOAL := help
.PHONY: help local local-down status check password tunnel prepare base-state stacks preview up drift refresh destroy interrupted pulumi manifests docs lock pin-base test lint bench bench-images bench-cluster bench-local format hooks clean

help: ## this list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 40

local: ## from nothing to JupyterLab on this machine's own cloud; TARGET=kubernetes in a cluster, STACK=any
	@sandbox/bootstrap
	@$(sandbox) up --stack $(STACK)
	@set -f; python3 interrupted.py --stack '$(STACK)' --pulumi $(pulumi) $$FOUND
	@$(pulumi) up --yes --stack $(STACK)
	@$(sandbox) check --stack $(STACK)

local-down: ## take it back; FORCE=1 when `pulumi destroy` cannot any more
	@if [ -x $(bin)/python ]; then $(sandbox) down $(if $(FORCE),--force); fi

status: ## which services, machines and stacks there are
	@$(sandbox) status

check: ## does the app of STACK answer through its tunnel?
	@$(sandbox) check --stack $(STACK)

password: ## the app's password
	@$(pulumi) config get password --stack $(STACK)

tunnel: ## open the tunnel to the app of STACK, until Ctrl-C
	@$(sandbox) tunnel --stack $(STACK)

prepare: ## what previews need, and no container
	@sandbox/bootstrap --preview
	@$(sandbox) prepare-preview

base-state: ## what the program in folder BASE would leave of STACK, for `make preview PULUMI=sandbox/dry_run/pulumi`
	@$(bin)/python -m sandbox.dry_run $(STACK) $(BASE)

stacks: ## names of the committed stacks, as JSON
	@python3 .github/scripts/stacks.py

preview: ## what `make up` would do on STACK (local), without any account; SUMMARY=f.md and PLAN=plan.json for a review
	@$(prepared)
	@$(if $(PLAN),$(put_right))  # as `up` does it; after the preview it would change the state that was reviewed
	@$(review) $(if $(PLAN),--plan '$(PLAN)') -- $(policies) $(ARGS)

up: interrupted ## do it; PLAN=plan.json only as it was reviewed. PULUMI=pulumi: here as there, outside the sandbox
	@$(review) $(if $(PLAN),--plan '$(PLAN)') -- $(policies) $(ARGS)

drift: ## what somebody changed by hand in the cloud; SUMMARY=f.md
	@$(review) -- $(ARGS)

refresh: ## pulumi, on STACK (local) in the sandbox
	@$(PULUMI) $@ --stack $(STACK) $(ARGS)

destroy: interrupted ## pulumi destroy of STACK (local), and what it has kept
	@of_stack() { $(PULUMI) stack output "$$1" --stack $(STACK) 2>/dev/null || true; }; \
	retained=$$(of_stack retained) volume=$$(of_stack dataVolumeId); \
	$(PULUMI) destroy --stack $(STACK) $(ARGS) && \
	{ [ -z "$$retained" ] || printf '\nkept: %s\n  dataVolumeId %s\n' "$$retained" "$$volume"; }

interrupted: ## after a run of STACK was killed, or failed for want of capacity; FOUND="<resource>=<id or none>" answers
	@$(put_right)

pulumi: ## any other pulumi command: make pulumi ARGS="stack ls"
	@$(pulumi) $(ARGS)

manifests: ## what STACK=oke puts into its cluster, as YAML in manifests/
	@sandbox/bootstrap --preview
	@$(bin)/python manifests.py $(STACK)

docs: ## write the table of configuration keys and the schema of stack files anew
	@sandbox/bootstrap --preview
	@$(bin)/python -m settings

lock: ## lock the packages of the project and of all apps; FILE=extra/requirements.in of one file, ARGS=--upgrade
	@sandbox/bootstrap --preview
	@$(bin)/python docker/lock.py $(FILE) $(ARGS)

pin-base: ## pin the digest of STACK's baseImage; PULUMI=pulumi for a stack outside the sandbox
	@sandbox/bootstrap --preview
	@$(if $(filter $(pulumi),$(PULUMI)),$(as_sandbox)) $(bin)/python docker/pin_base.py --stack $(STACK) --pulumi '$(PULUMI)'

test: ## every test; TESTS=tests/unit for some
	@sandbox/bootstrap --test
	@$(if $(TESTS),$(pytest) $(TESTS),$(every_test))

lint: ## formatting, types, Dockerfiles, shell, YAML, workflows, stack files, secrets
	@sandbox/bootstrap --preview --test
	@$(bin)/python -m tests.support.stack_files
	@$(bin)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@git ls-files -z | xargs -0 $(bin)/kingfisher scan --quiet --no-validate --no-update-check --redact --rule-cache-dir $(SANDBOX_HOME)/cache/kingfisher
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy .
	@$(bin)/mypy docker/shared/python/*.py
	@$(bin)/mypy .github/scripts/*.py
	@$(bin)/yamllint --strict .
	@$(bin)/python -m tests.support.actionlint
	@$(bin)/zizmor --quiet --offline --pedantic .github
	@$(bin)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(bin)/hadolint docker/*/Dockerfile bench/*/Dockerfile
	@$(bin)/shellcheck .ci/run .ci/in-debian .github/scripts/account operations/kube-token policy/run sandbox/bootstrap sandbox/pulumi sandbox/dry_run/pulumi docker/shared/python/with-python sandbox/machine-image/customize sandbox/machine-image/root/usr/local/sbin/* sandbox/machine-image/root/usr/libexec/* tests/support/bin/getent

bench: ## time and memory of the engine and of the app's start, on the local stack
	@$(bin)/python -m bench

bench-images: ## time to build the image beside the article's way, its size and its start; needs no stack
	@sandbox/bootstrap
	@$(sandbox) up
	@$(bin)/python -m bench.images

bench-cluster: ## time until the sandbox's cluster is there, from nothing and started again
	@$(sandbox) up --stack local-oke
	@$(bin)/python -m bench.cluster

bench-local: ## time of make local in a fresh clone, cold and warm; no sandbox may be up
	@$(bin)/python -m bench.local

format: ## format the Python files
	@$(bin)/ruff format .

hooks: ## let git run the linters on what a commit changes
	@sandbox/bootstrap --preview --test
	@$(bin)/pre-commit install

clean: ## take everything back and delete .sandbox
	@if [ -x $(bin)/python ]; then $(sandbox) clean; else rm -rf $(SANDBOX_HOME); fi
