"""The search for better settings: its space, its trials and its database."""
