\set i random(1, 400000)
SELECT id, scopes FROM api_keys WHERE workspace_id = :i % 5000 AND digest = md5(:i::text) AND revoked_at IS NULL;
\sleep 100 ms
