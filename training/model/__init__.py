"""The Keras models, from raw series to outputs, with all preprocessing inside."""
