"""Makes the folder of the project importable for its tests."""
