"""What a run found out: figures, pictures and the model card."""
