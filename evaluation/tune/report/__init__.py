"""One page on one tuning: the verdict, the scores, the paths of the parameters."""
