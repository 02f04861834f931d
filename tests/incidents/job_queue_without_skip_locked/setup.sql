CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL);
INSERT INTO jobs SELECT i, 'todo' FROM generate_series(1, 5000) i;
CREATE INDEX ON jobs (id) WHERE state = 'todo';
CREATE ROLE worker LOGIN;
GRANT SELECT, UPDATE ON jobs TO worker;
ANALYZE;
