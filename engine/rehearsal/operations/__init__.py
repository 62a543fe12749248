"""What the exchange can be asked to do, transport apart: REST and the WebSocket API are two tables of these."""
