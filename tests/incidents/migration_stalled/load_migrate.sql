INSERT INTO documents
SELECT id, body FROM papers
WHERE (SELECT runs FROM worker) AND id > (SELECT coalesce(max(id), 0) FROM documents)
ORDER BY id LIMIT 200;
\sleep 100 ms
