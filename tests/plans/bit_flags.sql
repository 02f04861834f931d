-- title: a bit of a mask
-- verdict: harmful
-- object: tickets
-- cure: tickets (parent_id) | tickets (parent_id, (assignee & 512)) | tickets ((assignee & 512), parent_id)
-- setup:
CREATE TABLE tickets (id integer PRIMARY KEY, parent_id integer, assignee integer, subject text, opened date, closed date, priority smallint, text text);
INSERT INTO tickets SELECT i, i / 8, i % 700, 'Subject ' || md5(i::text), date '2020-01-01' + i % 1800,
                           CASE WHEN i % 40 <> 0 THEN date '2025-01-01' END, i % 5, repeat('t', 110) FROM generate_series(1, 160000) i;
ANALYZE tickets;
-- query:
SELECT id FROM tickets WHERE assignee & 512 = 512 AND parent_id = 19000;
