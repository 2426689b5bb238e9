"""Opens `model.keras`: its content is checked before Keras loads it."""
