CREATE TABLE pages (id int PRIMARY KEY, title text NOT NULL);
INSERT INTO pages SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
CREATE ROLE cron LOGIN;
ALTER ROLE cron SET idle_session_timeout = '2s';
GRANT SELECT ON pages TO app, cron;
VACUUM ANALYZE;
