-- The sandbox bank's books, deliveries and notifications. Amounts are fen, times are epoch seconds (UTC).

CREATE TABLE IF NOT EXISTS accounts (
    account  TEXT PRIMARY KEY CHECK (account <> ''),
    holder   TEXT NOT NULL,
    currency TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS lines (
    seq           INTEGER PRIMARY KEY,
    serial        TEXT NOT NULL UNIQUE,
    account       TEXT NOT NULL REFERENCES accounts,
    booked_at     INTEGER NOT NULL,                           -- seconds since 1970, UTC
    kind          TEXT NOT NULL CHECK (kind IN ('payment', 'payout', 'bounce', 'interest', 'fee')),
    amount_minor  INTEGER NOT NULL CHECK (amount_minor <> 0 AND (amount_minor < 0) = (kind IN ('payout', 'fee'))),
    balance_minor INTEGER NOT NULL CHECK (balance_minor >= 0), -- after this line
    party         TEXT NOT NULL,
    party_account TEXT NOT NULL,
    remark        TEXT NOT NULL,
    reference     TEXT NOT NULL,
    end_to_end    TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS lines_of_account ON lines (account, seq);
CREATE INDEX IF NOT EXISTS lines_by_time ON lines (account, booked_at);
CREATE INDEX IF NOT EXISTS lines_by_reference ON lines (reference) WHERE reference <> '';
CREATE UNIQUE INDEX IF NOT EXISTS one_effect_an_id ON lines (kind, end_to_end) WHERE end_to_end <> '';
CREATE TRIGGER IF NOT EXISTS lines_are_not_changed BEFORE UPDATE ON lines
    BEGIN SELECT RAISE(ABORT, 'a booked line is never changed'); END;
CREATE TRIGGER IF NOT EXISTS lines_are_not_deleted BEFORE DELETE ON lines
    BEGIN SELECT RAISE(ABORT, 'a booked line is never deleted'); END;
CREATE TABLE IF NOT EXISTS deliveries (
    message_id  TEXT PRIMARY KEY,
    file_sha256 TEXT NOT NULL,
    receipt     TEXT NOT NULL                                 -- JSON
) STRICT;
CREATE TABLE IF NOT EXISTS notifications (
    number       INTEGER PRIMARY KEY,
    webhook_id   TEXT NOT NULL UNIQUE,
    body         BLOB NOT NULL,
    due_at       INTEGER,                                     -- NULL: nothing more to send
    attempts     INTEGER NOT NULL DEFAULT 0,
    repeats      INTEGER NOT NULL,                            -- sent this often again, whatever the answer
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1))
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS events (
    seq      INTEGER PRIMARY KEY REFERENCES lines,
    ready_at INTEGER NOT NULL,
    repeats  INTEGER NOT NULL,
    dropped  INTEGER NOT NULL CHECK (dropped IN (0, 1)),
    number   INTEGER REFERENCES notifications                 -- NULL: not yet put into a notification
) STRICT;
CREATE INDEX IF NOT EXISTS events_waiting ON events (ready_at) WHERE number IS NULL AND dropped = 0;
