"""From a trained model to a sealed version folder that the service can open."""
