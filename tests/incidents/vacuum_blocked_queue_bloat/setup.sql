SET client_min_messages = warning;
CREATE TABLE tasks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL);
INSERT INTO tasks (body) SELECT 'task ' || i FROM generate_series(1, 200) i;
CREATE ROLE worker LOGIN;
GRANT SELECT, INSERT, DELETE, UPDATE ON tasks TO worker;
VACUUM ANALYZE;
