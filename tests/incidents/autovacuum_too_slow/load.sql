BEGIN;
DELETE FROM claim_queue WHERE id = (SELECT id FROM claim_queue WHERE state = 'open' ORDER BY prio, id LIMIT 1 FOR UPDATE SKIP LOCKED);
INSERT INTO claim_queue (claim, prio, body) VALUES (1, 5, 'again');
COMMIT;
\sleep 10 ms
