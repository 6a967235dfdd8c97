"""What an operator does with topics: look, mend settings, add partitions."""
