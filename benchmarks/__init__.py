"""Speed and memory of tickdeck, and of other engines at the same work; run by `make bench` and `make bench-peers`."""
