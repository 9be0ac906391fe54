-- Instants are BIGINT microseconds since 1970, UTC. due_at NULL: nothing is
-- owed. claimed_until in the past: free to take. The same tables as in SQLite's
-- schema 3; the first schema on PostgreSQL.

-- What came through the socket and has to be carried out.
CREATE TABLE arrivals (
  id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
-- What is dealt with and told apart from a redelivery no more.
CREATE INDEX arrivals_settled ON arrivals (received_at) WHERE due_at IS NULL;

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
  tell_tries         BIGINT NOT NULL,           -- how often telling this version was begun
  paused             BIGINT NOT NULL DEFAULT 0, -- for how long freezes have stopped its clocks
  changed_at         BIGINT NOT NULL DEFAULT 0, -- when it was last committed
  erased             BIGINT NOT NULL DEFAULT 0, -- 1: its words are gone
  line_at            BIGINT                     -- its place in the line: when it was confirmed; NULL unless approved
);
CREATE UNIQUE INDEX requests_one_pending ON requests (target_id, lane, drill) WHERE state = 'pending';
CREATE INDEX requests_due ON requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX requests_tell_due ON requests (tell_due_at) WHERE tell_due_at IS NOT NULL;
CREATE INDEX requests_accepted ON requests (target_id, accepted_at) WHERE accepted_at IS NOT NULL;
-- What a freeze stops.
CREATE INDEX requests_waiting ON requests (state) WHERE state IN ('pending', 'approved');
-- What retention may erase.
CREATE INDEX requests_erasable ON requests (changed_at) WHERE due_at IS NULL AND erased = 0;
-- The line in which confirmed requests wait while Microsoft asks to wait.
CREATE INDEX requests_line ON requests (line_at) WHERE line_at IS NOT NULL;

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

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit rows are append-only';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE freezes (
  id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version  BIGINT NOT NULL,
  by_id    TEXT NOT NULL, -- who pulled it: Entra object ID
  by_slack TEXT NOT NULL, -- and Slack user ID
  began_at BIGINT NOT NULL,
  ended_at BIGINT,        -- NULL while it is on
  body     TEXT NOT NULL, -- nothing typed: that is in reason
  reason   TEXT,          -- NULL once erased, while its salted hash in the audit chain stays
  salt     TEXT NOT NULL
);
CREATE UNIQUE INDEX freezes_one ON freezes ((ended_at IS NULL)) WHERE ended_at IS NULL;
CREATE INDEX freezes_by ON freezes (by_id);
CREATE INDEX freezes_by_slack ON freezes (by_slack);
CREATE INDEX freezes_erasable ON freezes (ended_at) WHERE reason IS NOT NULL;

-- What counts against a limit of the policy.
CREATE TABLE uses (
  kind TEXT NOT NULL,
  who  TEXT NOT NULL, -- an Entra object ID; empty for the total
  at   BIGINT NOT NULL
);
CREATE INDEX uses_counted ON uses (kind, who, at);
CREATE INDEX uses_at ON uses (at);

-- Messages that belong to no request.
CREATE TABLE notices (
  id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key           TEXT NOT NULL UNIQUE,
  to_id         TEXT NOT NULL,
  message       TEXT NOT NULL, -- erased once it stands in Slack
  due_at        BIGINT,
  claimed_until BIGINT NOT NULL,
  tries         BIGINT NOT NULL, -- how often it was claimed
  posted_at     BIGINT
);
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_posted ON notices (posted_at) WHERE posted_at IS NOT NULL;

-- What all calls to Microsoft Graph share: none is begun before until, and the
-- next after gap.
CREATE TABLE turnstile (
  id    BIGINT PRIMARY KEY CHECK (id = 1),
  until BIGINT NOT NULL,
  gap   BIGINT NOT NULL
);
INSERT INTO turnstile (id, until, gap) VALUES (1, 0, 0);

-- The processes that run on this database, as far as they were heard of lately.
CREATE TABLE replicas (
  name    TEXT PRIMARY KEY,
  seen_at BIGINT NOT NULL
);
