"""How many of something an option may ask for: what would run for months, or fill the memory, is refused at once."""

import click

#: A toy or a point of a scan is a fit or two, of a millisecond at least.
TOYS, POINTS, WORKERS, BINS = 100_000_000, 1_000_000, 4096, 10_000

toys_or_none = click.IntRange(0, TOYS)
some_toys = click.IntRange(1, TOYS)
some_points = click.IntRange(2, POINTS)
some_workers = click.IntRange(1, WORKERS)
some_bins = click.IntRange(2, BINS)
