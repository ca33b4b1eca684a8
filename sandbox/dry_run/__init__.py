"""A cloud that only takes notes: what `up` would leave behind, without machine, builder, registry or cluster.

For the base of a pull request's preview. The base branch's own program is run by the real engine; the providers check and compare as
ever, and answer what they would make with what can be known of it. Its home is a folder of its own, .sandbox/dry-run/<stack>, so
nothing of it is mixed with a sandbox that is up.
"""
