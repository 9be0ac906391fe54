-- Instants are BIGINT microseconds since 1970, UTC. due_at NULL: nothing is
-- owed. claimed_until in the past: free to take.

-- What came through the socket and has to be carried out.
CREATE TABLE arrivals (
  id            INTEGER PRIMARY KEY,
  envelope      TEXT NOT NULL UNIQUE,
  act           TEXT NOT NULL UNIQUE, -- the business key: one act, however often it is delivered
  body          TEXT NOT NULL,        -- erased with the two secrets
  response_url  TEXT,
  trigger_id    TEXT,
  received_at   BIGINT NOT NULL,
  tries         BIGINT NOT NULL,      -- how often it was claimed
  due_at        BIGINT,
  claimed_until BIGINT NOT NULL
);
CREATE INDEX arrivals_due ON arrivals (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX arrivals_secret ON arrivals (received_at) WHERE body <> '';

CREATE TABLE requests (
  id                 TEXT PRIMARY KEY,
  version            BIGINT NOT NULL,
  state              TEXT NOT NULL,
  lane               TEXT NOT NULL,
  drill              BIGINT NOT NULL,
  target_id          TEXT NOT NULL,
  body               TEXT NOT NULL, -- no names and nothing typed: those are in words
  created_at         BIGINT NOT NULL,
  accepted_at        BIGINT,
  due_at             BIGINT,
  claimed_until      BIGINT NOT NULL,
  told               BIGINT NOT NULL, -- the version that people have seen
  tell_due_at        BIGINT,
  tell_claimed_until BIGINT NOT NULL,
  tell_tries         BIGINT NOT NULL -- how often telling this version was begun
);
CREATE UNIQUE INDEX requests_one_pending ON requests (target_id, lane, drill) WHERE state = 'pending';
CREATE INDEX requests_due ON requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX requests_tell_due ON requests (tell_due_at) WHERE tell_due_at IS NOT NULL;
CREATE INDEX requests_accepted ON requests (target_id, accepted_at) WHERE accepted_at IS NOT NULL;

CREATE TABLE askers (
  slack_id   TEXT NOT NULL,
  request_id TEXT NOT NULL REFERENCES requests (id),
  PRIMARY KEY (slack_id, request_id)
);

-- What people typed and are called: erasable, while the salted hash of it in
-- the audit chain stays.
CREATE TABLE words (
  request_id TEXT PRIMARY KEY REFERENCES requests (id),
  salt       TEXT NOT NULL,
  content    TEXT NOT NULL
);

-- What stands where in Slack.
CREATE TABLE places (
  request_id TEXT NOT NULL REFERENCES requests (id),
  key        TEXT NOT NULL,
  channel    TEXT NOT NULL,
  ts         TEXT NOT NULL,
  shown      TEXT NOT NULL,
  PRIMARY KEY (request_id, key)
);

CREATE INDEX places_message ON places (channel, ts);

-- The audit chain: hash = sha256(previous hash, seq, entry).
CREATE TABLE audit (
  seq        BIGINT PRIMARY KEY,
  request_id TEXT NOT NULL,
  entry      TEXT NOT NULL,
  hash       TEXT NOT NULL
);
CREATE INDEX audit_request ON audit (request_id);
CREATE TABLE audit_head (
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
-- REPLACE deletes without asking the trigger for deletes.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
