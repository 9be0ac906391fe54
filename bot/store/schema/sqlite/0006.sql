-- The Home tabs that people have opened in the last hour. It only adds; no row is
-- authority.
CREATE TABLE homes (
  slack_id      TEXT PRIMARY KEY,
  opened_at     BIGINT NOT NULL,            -- the last time
  due_at        BIGINT,
  claimed_until BIGINT NOT NULL DEFAULT 0,  -- 0: not claimed
  again         BIGINT NOT NULL DEFAULT 0,  -- since the last claim: 1 owed again, 2 opened again
  published_at  BIGINT NOT NULL DEFAULT 0,  -- the last call to Slack, even if it failed
  hash          TEXT NOT NULL DEFAULT '',   -- Slack's, of the view
  shown         TEXT NOT NULL DEFAULT '',   -- a digest of the view
  wide          BIGINT NOT NULL DEFAULT 0   -- 1: it lists what waits for approvers
);
CREATE INDEX homes_due ON homes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX homes_opened ON homes (opened_at);
-- Whether Slack refuses every Home tab.
CREATE TABLE home_tab (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  code TEXT NOT NULL,   -- Slack's; empty: it takes them
  at   BIGINT NOT NULL  -- when that was noted
);
