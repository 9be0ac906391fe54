-- The line in which confirmed requests wait while Microsoft asks to wait.

ALTER TABLE requests ADD COLUMN line_at BIGINT; -- its place: when it was confirmed; NULL unless approved

UPDATE requests SET line_at = changed_at WHERE state = 'approved';

CREATE INDEX requests_line ON requests (line_at) WHERE line_at IS NOT NULL;

-- What all calls to Microsoft Graph share: none is begun before until, and the
-- next after gap.
CREATE TABLE turnstile (
  id    BIGINT PRIMARY KEY CHECK (id = 1),
  until BIGINT NOT NULL,
  gap   BIGINT NOT NULL
);
INSERT INTO turnstile (id, until, gap) VALUES (1, 0, 0);
