"""What the report of several captioners shows beside means and differences: `Comparison.sections` names these.

`scores` sets the variants beside floors, ceilings and people, `truth` shows where each fails on drawn scenes,
`side_by_side` what each says of the same images. All read what the runs kept; nothing is computed with a model.
"""
