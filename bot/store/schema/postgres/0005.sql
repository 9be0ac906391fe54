-- What a review with the source asked for; it only adds.

-- Whose turn it is among what is due: one person's many wait behind another's few.
ALTER TABLE requests ADD COLUMN asked_by TEXT NOT NULL DEFAULT ''; -- Slack user ID of the requester
ALTER TABLE arrivals ADD COLUMN acted_by TEXT NOT NULL DEFAULT ''; -- Slack user ID of who acted; empty once it is settled
-- What two transactions must not do at the same time, of all replicas. Locks on tables,
-- and not advisory locks: those anybody may hold who may connect, these only who may
-- write here. Nothing is ever stored in them, so that nothing is ever cleaned up, which
-- would lock them, too.
CREATE TABLE freezing_lock ();
CREATE TABLE counting_lock ();
CREATE FUNCTION hold_lock(what TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
  CASE what
    WHEN 'freezing' THEN LOCK TABLE freezing_lock IN EXCLUSIVE MODE;
    WHEN 'fenced'   THEN LOCK TABLE freezing_lock IN SHARE MODE;
    WHEN 'counting' THEN LOCK TABLE counting_lock IN EXCLUSIVE MODE;
  END CASE;
  -- Programs of schema 4 and earlier know only advisory locks. While one of them
  -- counts among the replicas, theirs are held as well.
  IF EXISTS (SELECT 1 FROM replicas WHERE replicas.schema < 5) THEN
    CASE what
      WHEN 'freezing' THEN PERFORM pg_advisory_xact_lock(1919252079, 2);
      WHEN 'fenced'   THEN PERFORM pg_advisory_xact_lock_shared(1919252079, 2);
      WHEN 'counting' THEN PERFORM pg_advisory_xact_lock(1919252079, 4);
    END CASE;
  END IF;
  RETURN 0;
END
$$;
ALTER TABLE replicas ADD COLUMN schema BIGINT NOT NULL DEFAULT 4; -- the one that its program works with
-- Since when people wait for what is tried again and again: due_at moves on with
-- each try. 0 where nothing has failed. Those of an earlier version do not count.
ALTER TABLE requests ADD COLUMN tell_owed_at BIGINT NOT NULL DEFAULT 0;
-- 1: it is to be told once more after the telling under way, which began before.
ALTER TABLE requests ADD COLUMN tell_again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN owed_at BIGINT NOT NULL DEFAULT 0;

-- Since when the bot cannot go on with a request, and with which version of it: any
-- later version has gone on. 0 where it can.
ALTER TABLE requests ADD COLUMN stalled_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN stalled_version BIGINT NOT NULL DEFAULT 0;
CREATE INDEX requests_stalled ON requests (stalled_at) WHERE stalled_at > 0;
-- The rules of the process that started last: digests of policy, approvers, operation
-- and channel. A process with others confirms nothing.
CREATE TABLE rules_in_force (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  digest TEXT NOT NULL,
  policy TEXT NOT NULL, -- of the policy alone
  since  BIGINT NOT NULL
);
ALTER TABLE replicas ADD COLUMN rules TEXT NOT NULL DEFAULT ''; -- the digest of those that it has
-- Refusals of the minute, counted by person and kind. The first was a row of the chain at
-- once; the others become one row when the minute is over.
CREATE TABLE tallies (
  kind     TEXT PRIMARY KEY, -- a hash over who, what and why
  until_at BIGINT NOT NULL,  -- when the minute is over
  times    BIGINT NOT NULL,  -- how often, after the first
  last_at  BIGINT NOT NULL,
  entry    TEXT NOT NULL     -- the row of the last one
);
CREATE INDEX tallies_until ON tallies (until_at);
-- A notice that shows a freeze is edited as the freeze goes on, in the channel and,
-- while that is shut, in direct messages.
ALTER TABLE notices ADD COLUMN version BIGINT NOT NULL DEFAULT 1; -- grows each time it has something new to say
ALTER TABLE notices ADD COLUMN freeze_id BIGINT NOT NULL DEFAULT 0; -- the freeze that it shows; 0: it says what it said when it was stored
CREATE TABLE notice_places (
  notice_id BIGINT NOT NULL,
  to_id     TEXT NOT NULL,   -- a channel, or a user whose direct messages it is in
  channel   TEXT NOT NULL,
  ts        TEXT NOT NULL,
  shown     TEXT NOT NULL,
  news      BIGINT NOT NULL, -- how many steps of the freeze rang here
  PRIMARY KEY (notice_id, to_id)
);
-- A clock that is set back: when the chain's last row was
-- written, so that rows never go back in time and a start sees that the clock did.
ALTER TABLE audit_head ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
-- Whose decision counted: one that is taken back gives back what it used up. Uses of an
-- earlier version name no request, and stay.
ALTER TABLE uses ADD COLUMN request TEXT NOT NULL DEFAULT '';
CREATE INDEX uses_request ON uses (request) WHERE request <> '';
-- Which other request's revoke of the same account a card tells of, and since when.
ALTER TABLE places ADD COLUMN tells TEXT NOT NULL DEFAULT '';
ALTER TABLE places ADD COLUMN tells_at BIGINT NOT NULL DEFAULT 0;
-- The open requests about one account, which a revoke of it has told again.
CREATE INDEX requests_open ON requests (target_id) WHERE due_at IS NOT NULL;
