"""Every JSON shape the exchange tells things in."""
