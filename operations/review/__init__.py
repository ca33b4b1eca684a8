"""What a pull request is reviewed by: summaries of previews and of drift as Markdown, and plans which hold an `up` to its review.

Runs without any package installed. It starts Pulumi, passes its output and exit code through and reads the engine's event log.
"""
