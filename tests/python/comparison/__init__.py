"""The parts of compare.py: is a converted store equal to the dataset it was converted from, bit for bit?

`source` and `store` open the two sides; `layout`, `attributes`, `values` and `decoded` each compare one aspect and
write what they find into a `report.Report`. Where the two sides may differ although neither is wrong, a named rule
of `rules` says exactly when, and every use of a rule is counted and printed.
"""
