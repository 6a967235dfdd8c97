"""What operators are shown of deliveries, and may do with them."""
