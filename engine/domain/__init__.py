"""Pure rules of trading: no clock, no randomness, no input or output."""
