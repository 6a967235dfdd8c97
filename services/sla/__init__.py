"""Slots tickets by plan, keeps their deadlines and says what becomes of them."""
