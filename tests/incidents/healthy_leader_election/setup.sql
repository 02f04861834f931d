SET client_min_messages = warning;
CREATE TABLE jobs (id int PRIMARY KEY, done int NOT NULL);
INSERT INTO jobs SELECT i, 0 FROM generate_series(1, 10000) i;
CREATE ROLE app LOGIN;
CREATE ROLE node LOGIN;
GRANT SELECT, UPDATE ON jobs TO app;
ANALYZE;
