"""The protocol, `inference.proto`, and the modules that `make grpc` generates from it."""
