"""The house: contracts, lints, locks, set-up and container."""
