"""Deploys a stack without machine, builder, registry or cluster: a dry run of `up`.

A pull request is previewed against the state that the base branch's program would create. The real engine runs that program. The emulated
providers check and compare inputs as usual, and return made-up outputs instead of creating anything. A dry run has its own home,
.sandbox/dry-run/<stack>, apart from a running sandbox.
"""
