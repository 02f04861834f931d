SET client_min_messages = warning;
CREATE TABLE readings (id bigserial PRIMARY KEY, sensor int NOT NULL, body text NOT NULL);
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT ON readings TO app;
GRANT USAGE ON SEQUENCE readings_id_seq TO app;
