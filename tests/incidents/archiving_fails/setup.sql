SET client_min_messages = warning;
CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), kind int NOT NULL);
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT ON events TO app;
GRANT USAGE ON SEQUENCE events_id_seq TO app;
