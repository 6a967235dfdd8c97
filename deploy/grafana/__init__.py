"""Dashboards in Python, and the files of Grafana written from them."""
