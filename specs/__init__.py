"""Pure builders: plain functions of plain values, which know nothing of Pulumi. `components` turns what they return
into resources.
"""
