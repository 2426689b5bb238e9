"""What tests, fault injection, fuzzing and benchmarks share: an HTTP/1.1 client, real servers, and /proc."""
