"""Evaluation of a trained model: accuracy, calibration and trust."""
