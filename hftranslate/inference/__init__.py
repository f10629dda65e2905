"""Fits, test statistics and limits on a compiled likelihood."""
