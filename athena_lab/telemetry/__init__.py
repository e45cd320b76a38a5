"""What Athena Lab tells about itself: Prometheus series, declared once at module scope."""
