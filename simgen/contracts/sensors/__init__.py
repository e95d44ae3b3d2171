"""Every sensor effect against its closed form, with a negative control beside it.

Each module has `rows(key)`, which yields the `Row`s of its effects; `simgen sensors check`
prints them all.
"""
