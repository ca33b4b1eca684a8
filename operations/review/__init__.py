"""Reviews of deployments: Markdown summaries of previews and of drift, and plans that hold an `up` to its review.

Needs no installed package. It starts Pulumi, passes its output and exit code on, and reads the engine's event log.
"""
