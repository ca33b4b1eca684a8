"""Policies which previews and updates of the stack have to meet (docs/policies.md). They know Pulumi's resources, not this program."""
