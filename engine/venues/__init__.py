"""The road to exchanges: ccxt is imported here and nowhere else, and not before it is needed.

`ccxt_venue` is the door and costs nothing to import; `ccxt_road` holds the exchange object and is loaded
by the first call, in a thread, because ccxt takes most of a second to import.
"""
