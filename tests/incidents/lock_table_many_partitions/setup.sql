CREATE TABLE visits (day int NOT NULL, page int NOT NULL) PARTITION BY RANGE (day);
\o /dev/null
SELECT format('CREATE TABLE visits_%s PARTITION OF visits FOR VALUES FROM (%s) TO (%s)', d, d, d + 1) FROM generate_series(1, 360) d \gexec
\o
INSERT INTO visits SELECT d, p FROM generate_series(1, 360) d, generate_series(1, 5) p;
GRANT SELECT, INSERT ON visits TO app;
ANALYZE visits;
