\set o random(400000, 590000)
SELECT id, title, body FROM articles ORDER BY id LIMIT 50 OFFSET :o;
