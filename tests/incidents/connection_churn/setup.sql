SET client_min_messages = warning;
CREATE TABLE prices (id int PRIMARY KEY, cents int NOT NULL);
INSERT INTO prices SELECT i, i % 9999 FROM generate_series(1, 50000) i;
CREATE ROLE importer LOGIN;
CREATE ROLE web LOGIN;
GRANT SELECT ON prices TO importer, web;
VACUUM ANALYZE;
