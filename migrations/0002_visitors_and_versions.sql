-- People without a name: whoever holds the token owns what was said under it. Only the token's SHA-256 is kept.
CREATE TABLE visitors (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX visitors_by_age ON visitors (seen_ms);

-- A session belongs to a visitor, or to this machine's own user (NULL). Its head is the turn where the talk stands: the
-- talk as shown is the path from there to the root. While `awaits` is set, the head is a message without an answer;
-- `attempts` counts the answers begun after the first that never came to their end, `falls` those of them that nobody
-- asked for: something fell, or slept, while the answer was owed.
ALTER TABLE sessions ADD COLUMN owner BLOB REFERENCES visitors (id);
ALTER TABLE sessions ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN head INTEGER;
ALTER TABLE sessions ADD COLUMN turns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN falls INTEGER NOT NULL DEFAULT 0;
-- The key of the request that opened it, and of the request for another version of a reply that is not done yet.
ALTER TABLE sessions ADD COLUMN key TEXT;
ALTER TABLE sessions ADD COLUMN pending_key TEXT;

-- Turns get a parent (versions of one turn share it), the key of the request that made them, and one more ending.
CREATE TABLE turns_of_2 (
    session BLOB NOT NULL REFERENCES sessions (id),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    parent INTEGER CHECK (parent >= 0 AND parent < seq),
    speaker TEXT NOT NULL CHECK (speaker IN ('seeker', 'supporter')),
    text TEXT NOT NULL,
    memory_aspect TEXT,
    memory_content TEXT,
    ending TEXT NOT NULL CHECK (ending IN ('whole', 'cutoff', 'helpcard', 'failed')),
    model TEXT,
    key TEXT,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO turns_of_2
SELECT session, seq, iif(seq = 0, NULL, seq - 1), speaker, text, memory_aspect, memory_content, ending, model, NULL, created_ms
FROM turns;

DROP TABLE turns;
ALTER TABLE turns_of_2 RENAME TO turns;

CREATE UNIQUE INDEX turns_by_key ON turns (session, key) WHERE key IS NOT NULL;

-- What was said stays said: the cache in a session's actor may trust every turn it has seen.
CREATE TRIGGER turns_never_change BEFORE UPDATE ON turns
BEGIN
    SELECT RAISE(ABORT, 'a stored turn never changes');
END;

UPDATE sessions SET
    head = (SELECT max(seq) FROM turns WHERE session = sessions.id),
    turns = (SELECT count(*) FROM turns WHERE session = sessions.id),
    used_ms = coalesce((SELECT max(created_ms) FROM turns WHERE session = sessions.id), created_ms),
    awaits = ended_ms IS NULL AND 'seeker' =
        coalesce((SELECT speaker FROM turns WHERE session = sessions.id ORDER BY seq DESC LIMIT 1), '');

DROP INDEX sessions_by_age;
CREATE INDEX sessions_by_owner ON sessions (owner, used_ms);
CREATE INDEX sessions_by_use ON sessions (used_ms);
CREATE INDEX sessions_that_await ON sessions (id) WHERE awaits = 1;
-- NULLs are all different to an index: the own user's keys are told apart by a place of their own.
CREATE UNIQUE INDEX sessions_by_key ON sessions (coalesce(owner, x''), key) WHERE key IS NOT NULL;
