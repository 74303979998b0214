"""The networks, their weights and cards, and the devices they run on."""
