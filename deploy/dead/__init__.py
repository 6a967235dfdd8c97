"""What an operator does with dead letters: list, look, put back."""
