-- What each transaction of the last minute has left, so that one whose commit had
-- no answer can be asked for.
CREATE TABLE marks (
  mark      TEXT COLLATE "C" PRIMARY KEY, -- when it began, in microseconds since 1970, 16 hexadecimal digits; then something random
  committed BOOLEAN NOT NULL              -- false: whoever asked left it, and found none
);
