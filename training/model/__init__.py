"""The models: from raw series to logits, with their preprocessing inside."""
