CREATE TABLE articles (id bigserial PRIMARY KEY, author int NOT NULL, body text NOT NULL);
GRANT INSERT ON articles TO app;
GRANT USAGE ON SEQUENCE articles_id_seq TO app;
