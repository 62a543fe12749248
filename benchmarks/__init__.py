"""Speed and memory of tickdeck, beside backtesting.py where there is something to compare; run by `make bench`."""
