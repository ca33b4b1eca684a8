"""Policies for previews and updates of the stack (docs/policies.md). They judge the properties of Pulumi's resources."""
