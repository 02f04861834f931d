CREATE TABLE certificates (id int PRIMARY KEY, owner int NOT NULL, body text NOT NULL);
INSERT INTO certificates
  SELECT i, i % 100, (SELECT string_agg(md5((i * 1000 + g)::text), '') FROM generate_series(1, 180) g)
  FROM generate_series(1, 12000) i;
CREATE ROLE registrar LOGIN;
ALTER TABLE certificates OWNER TO registrar;
GRANT CREATE ON SCHEMA public TO registrar;
GRANT SELECT ON certificates TO app;
VACUUM ANALYZE; CHECKPOINT;
