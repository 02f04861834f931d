-- title: rows that lead their group, of one day
-- verdict: rightful
-- setup:
CREATE TABLE scores (id bigint PRIMARY KEY, player_id integer, day date, points integer, note text);
INSERT INTO scores SELECT i, i % 9000, date '2025-01-01' + i % 300, (i * 7919) % 10007, repeat('s', 90) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
SELECT player_id, points FROM (SELECT player_id, day, points, rank() OVER (PARTITION BY player_id ORDER BY points DESC) AS r FROM scores) s WHERE r = 1 AND day = $1;
-- truth:
SELECT player_id, points FROM (SELECT player_id, day, points, rank() OVER (PARTITION BY player_id ORDER BY points DESC) AS r FROM scores) s WHERE r = 1 AND day = date '2025-03-03';
