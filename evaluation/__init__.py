"""The judgement: how far generated data is from real captures, and what that costs a task."""
