"""Everything that knows Binance: addresses, clock, rate budget, client, supervised sockets, the live feed."""
