"""The registry of providers, and one adapter per wire protocol."""
