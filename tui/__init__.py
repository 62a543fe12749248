"""The deck and the command line: the only door a person uses."""
