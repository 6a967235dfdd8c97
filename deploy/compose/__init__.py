"""What `deploy/compose.yaml` needs beside the services: secrets of its own, accounts, tokens."""
