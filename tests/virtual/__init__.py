"""The order chain in made-up time: one world a seed, faults included.

A world is a desk of one or two processes, an exchange, a network between them, and people who trade. All of it runs on
one event loop whose clock jumps to the next timer, with an order of callbacks that the seed draws: a seed is a run that
can be had again. `python -m tests.virtual SEED` tells one.
"""
