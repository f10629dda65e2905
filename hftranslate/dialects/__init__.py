"""Exact rewriting of a workspace into what a target can say, and its inverse on reading."""
