CREATE TABLE tickets (id int PRIMARY KEY, state text NOT NULL, buyer int);
INSERT INTO tickets SELECT i, 'free' FROM generate_series(1, 300) i;
CREATE ROLE seats LOGIN;
GRANT SELECT, UPDATE ON tickets TO seats;
ANALYZE;
