"""The offline job: fits a model on a UCR-format data set, evaluates it and seals it as an artifact."""
