"""An exchange of our own that speaks Binance's Spot protocol; it knows nothing of the desk."""
