-- Sessions between a person and a supporter, and their append-only turns.
CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    supporter INTEGER NOT NULL,
    about TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_age ON sessions (created_ms);

CREATE TABLE turns (
    session BLOB NOT NULL REFERENCES sessions (id),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    speaker TEXT NOT NULL CHECK (speaker IN ('seeker', 'supporter')),
    text TEXT NOT NULL,
    memory_aspect TEXT,
    memory_content TEXT,
    ending TEXT NOT NULL CHECK (ending IN ('whole', 'cutoff', 'helpcard')),
    model TEXT,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;

-- What was said stays said: the cache in a session's actor may trust every turn it has seen.
CREATE TRIGGER turns_never_change BEFORE UPDATE ON turns
BEGIN
    SELECT RAISE(ABORT, 'a stored turn never changes');
END;
