"""Pure builders: plain functions of plain values, without resources and outputs. `components` turns their results into resources."""
