WITH taken AS (DELETE FROM outbox WHERE id = ANY (ARRAY(SELECT id FROM outbox ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED)) RETURNING topic, payload)
INSERT INTO outbox (topic, payload) SELECT topic, payload FROM taken;
\sleep 8 ms
