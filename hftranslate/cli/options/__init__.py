"""Options that several commands share, each module with the decorators and with what makes objects of them.

A new option of one command stands in the command's own module; here is what at least two of them have.
"""

__all__: list[str] = []
