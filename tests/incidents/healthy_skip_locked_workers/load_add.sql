INSERT INTO jobs (done) VALUES (false);
