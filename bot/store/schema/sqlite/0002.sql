-- Freezes, limits, announcements, and what retention needs.

ALTER TABLE requests ADD COLUMN paused BIGINT NOT NULL DEFAULT 0;     -- for how long freezes have stopped its clocks
ALTER TABLE requests ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0; -- when it was last committed
ALTER TABLE requests ADD COLUMN erased BIGINT NOT NULL DEFAULT 0;     -- 1: its words are gone

-- Schema 1 kept no changed_at: the last audit row that names the request tells it.
UPDATE requests SET changed_at = max(created_at, coalesce(accepted_at, 0), coalesce((
  SELECT CAST(unixepoch(json_extract(entry, '$.at'), 'subsec') * 1000000 AS INTEGER)
  FROM audit WHERE request_id = requests.id AND json_valid(entry) ORDER BY seq DESC LIMIT 1), 0));

-- Every request of schema 1 needed one approval.
UPDATE requests SET body = json_set(body, '$.need', 1) WHERE json_valid(body);

-- What a freeze stops.
CREATE INDEX requests_waiting ON requests (state) WHERE state IN ('pending', 'approved');
-- What retention may erase.
CREATE INDEX requests_erasable ON requests (changed_at) WHERE due_at IS NULL AND erased = 0;
-- What is dealt with and told apart from a redelivery no more.
CREATE INDEX arrivals_settled ON arrivals (received_at) WHERE due_at IS NULL;

CREATE TABLE freezes (
  id       INTEGER PRIMARY KEY,
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
  id            INTEGER PRIMARY KEY,
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
