"""What a request passes through before its route: its id, its key, and pages of other origins."""
