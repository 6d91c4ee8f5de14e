"""OpenAPI descriptions: reading them with the place of everything, and what is done with them."""
