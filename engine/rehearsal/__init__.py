"""A Binance-compatible spot exchange on loopback, played from a recording."""
