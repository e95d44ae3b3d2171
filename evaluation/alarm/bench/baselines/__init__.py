"""What people do today, as scores whose threshold is tuned to a false-positive rate.

Each is a pure function `(runs, rule, *, key) -> (L, m)`; higher is more alarming, and the
score of a checkpoint depends on no later one. `NOMINAL` is the threshold in common use.
"""
