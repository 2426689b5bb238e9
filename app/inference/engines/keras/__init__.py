"""Opening `model.keras`: what its files may hold is checked before Keras is asked to load it."""
