"""The Pulumi components of the stack, one a file: each wires resources from the plain values that `specs` builds."""
