"""Room on the disk: what of `mlruns/` and `data/` nobody needs any more, how much it is, and its removal.

Low to high: `sizes` measures, `leftover` removes one thing, `needed` says what must stay; `checkpoints`, `models`,
`features` and `scraps` each look for their kinds; `sweep` asks them all. What MLflow holds is read by
`tracking.stored`.
"""
