"""The trade side: what a trade system can do, and the simulated one."""
