"""The planted benchmark: worlds whose truth is known, plants, hard negatives, baselines."""
