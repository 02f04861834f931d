\set aid random(1, 100000)
\set bid random(1, 50)
\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET balance = balance + :delta WHERE aid = :aid;
UPDATE branches SET balance = balance + :delta WHERE bid = :bid;
INSERT INTO history (bid, aid, delta, mtime) VALUES (:bid, :aid, :delta, now());
END;
