"""Other tools, asked about what we write. They are not installed with ours."""
