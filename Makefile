# `make` lists the targets. They keep all files in .sandbox (SANDBOX_HOME names another folder).
TARGET ?= instance
stack_of_instance := local
stack_of_kubernetes := local-oke
local_stack = $(or $(stack_of_$(TARGET)),$(error TARGET is instance or kubernetes, not $(TARGET)))
STACK ?= $(local_stack)
SANDBOX_HOME ?= $(CURDIR)/.sandbox
export SANDBOX_HOME
bin := $(SANDBOX_HOME)/venv/bin
sandbox := $(bin)/python -m sandbox
pulumi := sandbox/pulumi
PULUMI ?= $(pulumi)
review = python3 -m operations.review $@ --pulumi '$(PULUMI)' --stack '$(STACK)' $(if $(SUMMARY),--summary '$(SUMMARY)')
# Previews in the sandbox need this; it takes a quarter of a second if it was done before.
prepared = $(if $(filter $(pulumi),$(PULUMI)),sandbox/bootstrap --preview && $(sandbox) prepare-preview >&2)
interrupted = python3 -m operations.interrupted --found "$$FOUND" --stack '$(STACK)' --pulumi
# The policies of previews and updates (docs/policies.md); POLICIES= leaves them out.
POLICIES ?= policy/run
policies = $(if $(POLICIES),--policy-pack $(POLICIES))
pytest := $(bin)/python -m pytest -v --durations=15
# Container tools need this for the sandbox's registry.
as_sandbox := SSL_CERT_FILE=$(SANDBOX_HOME)/registry/tls/bundle.pem REGISTRY_AUTH_FILE=$(SANDBOX_HOME)/account/registry-auth.json

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile)

help: ## list the targets
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

local: ## deploy JupyterLab to a sandbox on this machine; TARGET=kubernetes to a cluster, STACK=any
	@sandbox/bootstrap
	@$(sandbox) up --stack $(STACK)
	@$(interrupted) $(pulumi)
	@$(pulumi) up --yes --stack $(STACK)
	@$(sandbox) check --stack $(STACK)

local-down: ## destroy the sandbox's stacks and stop the sandbox; FORCE=1 if `pulumi destroy` fails
	@if [ -x $(bin)/python ]; then $(sandbox) down $(if $(FORCE),--force); fi

status: ## list the sandbox's services, machines and stacks
	@$(sandbox) status

check: ## check that the app of STACK answers through its tunnel
	@$(sandbox) check --stack $(STACK)

password: ## print the app's password
	@$(pulumi) config get password --stack $(STACK)

tunnel: ## open a tunnel to the app of STACK, until Ctrl-C
	@$(sandbox) tunnel --stack $(STACK)

prepare: ## install what previews need; starts no container
	@sandbox/bootstrap --preview
	@$(sandbox) prepare-preview

base-state: ## dry run of `up` of STACK with the program in folder BASE, for `make preview PULUMI=sandbox/dry_run/pulumi`
	@$(bin)/python -m sandbox.dry_run $(STACK) $(BASE)

stacks: ## print the names of the committed stacks as JSON
	@python3 .github/scripts/stacks.py

preview: ## show what `make up` would do to STACK, without an account; SUMMARY=f.md and PLAN=plan.json for a review
	@$(prepared)
	@$(if $(PLAN),$(interrupted) '$(PULUMI)')  # a repair after the preview would change the reviewed state
	@$(review) $(if $(PLAN),--plan '$(PLAN)') -- $(policies) $(ARGS)

up: interrupted ## deploy STACK (local); PLAN=plan.json exactly that plan; PULUMI=pulumi outside the sandbox
	@$(review) $(if $(PLAN),--plan '$(PLAN)') -- $(policies) $(ARGS)

drift: ## show what was changed by hand in the cloud; SUMMARY=f.md
	@$(review) -- $(ARGS)

refresh: ## read STACK (local) from the cloud into its state
	@$(PULUMI) $@ --stack $(STACK) $(ARGS)

destroy: interrupted ## destroy STACK (local), and print what it kept
	@operations/destroy '$(PULUMI)' '$(STACK)' $(ARGS)

interrupted: ## repair STACK after a killed run or a lack of capacity; FOUND="<resource>=<id or none>" answers
	@$(interrupted) '$(PULUMI)'

pulumi: ## run another Pulumi command in the sandbox: make pulumi ARGS="stack ls"
	@$(pulumi) $(ARGS)

manifests: ## write the Kubernetes manifests of STACK=oke to manifests/
	@sandbox/bootstrap --preview
	@$(bin)/python -m operations.manifests $(STACK)

docs: ## write the config block of Pulumi.yaml, docs/configuration.md and docs/stack.schema.json
	@sandbox/bootstrap --preview
	@$(bin)/python -m settings

lock: ## lock the Python packages of the project and all apps; FILE=extra/requirements.in for one, ARGS=--upgrade
	@sandbox/bootstrap --preview
	@$(bin)/python docker/lock.py $(FILE) $(ARGS)

pin-base: ## pin the digest of STACK's baseImage; PULUMI=pulumi outside the sandbox
	@sandbox/bootstrap --preview
	@$(if $(filter $(pulumi),$(PULUMI)),$(as_sandbox)) $(bin)/python docker/pin_base.py --stack $(STACK) --pulumi '$(PULUMI)'

test: ## run all tests; TESTS=tests/unit for some
	@sandbox/bootstrap --test
	@$(pytest) $(or $(TESTS),--numprocesses=2 --dist=loadfile tests/unit tests/engine)
	@$(if $(TESTS),,$(pytest) tests/kubernetes tests/images tests/e2e)  # one at a time: they share the sandbox

lint: ## run all linters (.pre-commit-config.yaml)
	@sandbox/bootstrap --preview --test
	@PRE_COMMIT_HOME=$(SANDBOX_HOME)/cache/pre-commit $(bin)/pre-commit run --all-files

bench: ## measure time and memory of the engine and of the app's start, on the local stack
	@$(bin)/python -m bench

bench-images: ## measure builds and size of the image, and compare with the article's; needs no stack
	@sandbox/bootstrap
	@$(sandbox) up
	@$(bin)/python -m bench.images

bench-cluster: ## measure the start of the sandbox's cluster, new and again
	@$(sandbox) up --stack local-oke
	@$(bin)/python -m bench.cluster

bench-local: ## measure make local in a fresh clone, cold and warm; stop the sandbox first
	@$(bin)/python -m bench.local

format: ## format the Python files
	@sandbox/bootstrap --preview --test
	@$(bin)/ruff format .

hooks: ## run the linters at each commit
	@sandbox/bootstrap --preview --test
	@$(bin)/pre-commit install

clean: ## stop the sandbox and delete .sandbox
	@if [ -x $(bin)/python ]; then $(sandbox) clean; else rm -rf $(SANDBOX_HOME); fi
