"""Every statement the desk runs, as text the driver prepares once; tests prepare each against the migrated schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.rows import (
    ACCOUNT_COLUMNS,
    COMMAND_COLUMNS,
    FILL_COLUMNS,
    LIST_CHANGING,
    LIST_COLUMNS,
    LOGIN_COLUMNS,
    ORDER_COLUMNS,
    SEALED_COLUMNS,
    TIMELINE_COLUMNS,
    TOKEN_COLUMNS,
    USER_COLUMNS,
    SqlValue,
)


def insert(table: str, columns: Sequence[str], rest: str = "") -> str:
    """`INSERT` of one row with a placeholder a column."""
    return " ".join(["INSERT INTO", table, f"({', '.join(columns)})", f"VALUES ({_places(columns)})", rest])


def select(columns: Sequence[str], table: str, rest: str) -> str:
    """`SELECT` of these columns; `rest` begins behind the table's name."""
    return " ".join(["SELECT", ", ".join(columns), "FROM", table, rest])


def update(table: str, columns: Sequence[str], rest: str) -> str:
    """`UPDATE` of these columns with a placeholder each; those of `rest` come after."""
    return " ".join(["UPDATE", table, "SET", ", ".join(f"{column} = ?" for column in columns), rest])


def newest_first(
    columns: Sequence[str], table: str, time_column: str, conditions: Mapping[str, Sequence[SqlValue]]
) -> tuple[str, list[SqlValue]]:
    """A page of a list, and its values but for the limit, which comes last. The conditions are our own text."""
    rest = f"WHERE {' AND '.join(conditions)} ORDER BY {time_column} DESC, id DESC LIMIT ?"
    return select(columns, table, rest), [value for values in conditions.values() for value in values]


def _places(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


# --- the ledger's reads --------------------------------------------------------------------------------------
# What it writes is in `data.sqlite.books` and `data.postgres.books`, in sets.

ORDER_BY_ID = select(ORDER_COLUMNS, "orders", "WHERE id = ?")
ORDER_BY_CLIENT_ID = select(ORDER_COLUMNS, "orders", "WHERE account_id = ? AND client_order_id = ?")
ORDER_BY_VENUE_ID = select(ORDER_COLUMNS, "orders", "WHERE account_id = ? AND venue_order_id = ? AND symbol = ?")
SYMBOLS_SINCE = (
    "SELECT symbol FROM orders WHERE account_id = ? AND updated_at >= ? GROUP BY symbol ORDER BY count(*) DESC, symbol "
    "LIMIT 20"
)
UNFINISHED = select(ORDER_COLUMNS, "orders", "WHERE finished = FALSE ORDER BY created_at, id")
UNFINISHED_OF_ACCOUNT = select(
    ORDER_COLUMNS, "orders", "WHERE finished = FALSE AND account_id = ? ORDER BY created_at, id"
)

HELD = select(ORDER_COLUMNS, "orders", "WHERE finished = FALSE AND status = 'HELD' ORDER BY created_at, id")
OF_LIST = select(ORDER_COLUMNS, "orders", "WHERE list_id = ? ORDER BY created_at, id")
LIST_BY_ID = select(LIST_COLUMNS, "orderlists", "WHERE id = ?")
LISTS_NOT_OVER = select(
    LIST_COLUMNS, "orderlists", "WHERE status NOT IN ('DONE', 'UNWOUND', 'BROKEN') ORDER BY created_at, id"
)
UPDATE_LIST = update("orderlists", LIST_CHANGING, "WHERE id = ?")

FILLS_OF = select(FILL_COLUMNS, "fills", "WHERE order_id = ? ORDER BY time, length(venue_trade_id), venue_trade_id")
COUNT_FILLS = "SELECT count(*) FROM fills WHERE account_id = ?"
FILLS_OF_ACCOUNT = select(
    FILL_COLUMNS,
    "fills",
    "WHERE account_id = ? AND (time, id) > (?, ?) ORDER BY time, id LIMIT ?",
)

TIMELINE = select(TIMELINE_COLUMNS, "audit", "WHERE order_id = ? ORDER BY number")
SEQUENCE = "SELECT sequence FROM sequences WHERE user_id = ?"
EVENTS_BETWEEN = (
    "SELECT order_id, max(sequence), count(*) FROM events WHERE user_id = ? AND sequence > ? AND sequence <= ? "
    "GROUP BY order_id ORDER BY max(sequence) LIMIT ?"
)

UNPUBLISHED = select(COMMAND_COLUMNS, "outbox", "WHERE published_at IS NULL ORDER BY number LIMIT ?")
TAKE_UNPUBLISHED = " ".join(
    [
        "WITH free AS MATERIALIZED (SELECT number FROM outbox WHERE published_at IS NULL AND created_at <= ?",
        "AND (taken_until IS NULL OR taken_until <= ?) ORDER BY number LIMIT ?",
        # What another relay is taking at this moment is not waited for.
        "/*postgres FOR UPDATE SKIP LOCKED postgres*/)",
        "UPDATE outbox SET taken_until = ? WHERE number IN (SELECT number FROM free)",
        *("RETURNING", ", ".join((*COMMAND_COLUMNS, "number"))),
    ]
)
PUT_BACK = update("outbox", ("taken_until",), "WHERE id = ? AND published_at IS NULL")
MARK_PUBLISHED = update("outbox", ("published_at",), "WHERE id = ? AND published_at IS NULL")

# --- users and what belongs to them ------------------------------------------------------------------------

COUNT_USERS = "SELECT count(*) FROM users"
INSERT_USER = insert("users", (*USER_COLUMNS, "email_key", "password_hash"), "ON CONFLICT (email_key) DO NOTHING")
USER_BY_ID = select(USER_COLUMNS, "users", "WHERE id = ?")
USER_BY_EMAIL = select((*USER_COLUMNS, "password_hash"), "users", "WHERE email_key = ?")
ALL_USERS = select(USER_COLUMNS, "users", "ORDER BY created_at, id")
SET_PASSWORD = update("users", ("password_hash",), "WHERE id = ?")

INSERT_LOGIN = insert("logins", (*LOGIN_COLUMNS, "token_hash"))
LOGIN_BY_TOKEN = select(LOGIN_COLUMNS, "logins", "WHERE token_hash = ?")
TOUCH_LOGIN = update("logins", ("seen_at", "expires_at"), "WHERE id = ?")
END_LOGIN = "DELETE FROM logins WHERE id = ?"
END_LOGINS_OF = "DELETE FROM logins WHERE user_id = ?"
FORGET_LOGINS = "DELETE FROM logins WHERE expires_at < ?"

INSERT_TOKEN = insert("tokens", (*TOKEN_COLUMNS, "token_hash", "revoked"))
TOKEN_BY_HASH = select(TOKEN_COLUMNS, "tokens", "WHERE token_hash = ? AND revoked = FALSE")
IS_REVOKED = "SELECT 1 FROM tokens WHERE family = ? AND revoked = TRUE LIMIT 1"
USE_TOKEN = update("tokens", ("used",), "WHERE id = ?")
REVOKE_FAMILY = update("tokens", ("revoked",), "WHERE family = ?")
FORGET_TOKENS = "DELETE FROM tokens WHERE expires_at < ?"

INSERT_ACCOUNT = insert(
    "accounts",
    (*ACCOUNT_COLUMNS, *SEALED_COLUMNS),
    "ON CONFLICT (user_id, venue, label) WHERE removed_at IS NULL DO NOTHING",
)
ACCOUNT_BY_ID = select(ACCOUNT_COLUMNS, "accounts", "WHERE id = ? AND removed_at IS NULL")
ALL_ACCOUNTS = select(ACCOUNT_COLUMNS, "accounts", "WHERE removed_at IS NULL ORDER BY created_at, id")
ACCOUNTS_OF = select(ACCOUNT_COLUMNS, "accounts", "WHERE user_id = ? AND removed_at IS NULL ORDER BY created_at, id")
SEALED_OF = select(("user_id", *SEALED_COLUMNS), "accounts", "WHERE id = ? AND removed_at IS NULL")
HAS_UNFINISHED = "SELECT 1 FROM orders WHERE account_id = ? AND finished = FALSE LIMIT 1"
REMOVE_ACCOUNT = update("accounts", ("removed_at", *SEALED_COLUMNS), "WHERE id = ? AND removed_at IS NULL")

PREFERENCE = "SELECT value FROM preferences WHERE user_id = ? AND name = ?"
PREFERENCES = "SELECT user_id, value FROM preferences WHERE name = ?"
SET_PREFERENCE = (
    "INSERT INTO preferences (user_id, name, value) VALUES (?, ?, ?) "
    "ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value"
)
