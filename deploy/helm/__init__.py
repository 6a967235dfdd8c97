"""The Helm chart (`careline/`), and what of it is made from the code: its schema and its rules."""
