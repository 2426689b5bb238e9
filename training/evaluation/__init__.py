"""What a trained model is worth: accuracy, calibration and trust, measured."""
