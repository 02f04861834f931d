-- title: a selective IS NULL
-- verdict: harmful
-- object: tickets
-- cure: tickets (assignee, closed) | tickets (closed, assignee) | tickets (assignee) | tickets (assignee) WHERE closed IS NULL
-- setup:
CREATE TABLE tickets (id integer PRIMARY KEY, parent_id integer, assignee integer, subject text, opened date, closed date, priority smallint, text text);
INSERT INTO tickets SELECT i, i / 8, i % 700, 'Subject ' || md5(i::text), date '2020-01-01' + i % 1800,
                           CASE WHEN i % 40 <> 0 THEN date '2025-01-01' END, i % 5, repeat('t', 110) FROM generate_series(1, 160000) i;
ANALYZE tickets;
-- query:
SELECT id, subject FROM tickets WHERE assignee = $1 AND closed IS NULL;
-- truth:
SELECT id, subject FROM tickets WHERE assignee = 360 AND closed IS NULL;
