"""Writes the first scenarios of an API from its OpenAPI description.

The way of a description, and of the modules: `operations` reads what it says of each operation, `flow` finds out which
operation makes what another one needs, `access` who may call it, `contents` makes what is sent, `steps` writes one
step, `documents` puts steps in order and a document around them, `yaml_writing` writes it as an author would, `command`
decides about files.
"""
