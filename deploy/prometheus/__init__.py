"""Objectives, recording rules and alerts, and the files of Prometheus written from them."""
