"""The pages that customers and agents live in."""
