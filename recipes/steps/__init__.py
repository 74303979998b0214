"""Steps of the recipes that are not commands of promscan."""
