"""The doors inside Jupyter: glue onto one `Lab`, with no logic of their own."""
