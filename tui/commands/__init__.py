"""The subcommands of `tickdeck`, one a module, each with a `register(app)`."""
