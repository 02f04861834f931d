WITH next AS (SELECT id FROM jobs ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
DELETE FROM jobs USING next WHERE jobs.id = next.id RETURNING jobs.id;
INSERT INTO jobs (body) VALUES ('work');
