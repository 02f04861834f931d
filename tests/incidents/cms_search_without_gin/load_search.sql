\set w random(1, 199999)
SELECT id, title FROM articles WHERE to_tsvector('english', title || ' ' || body) @@ plainto_tsquery('english', 'word' || :w::text) ORDER BY published_at DESC LIMIT 10;
