\set i random(1, 30000)
SELECT title, body FROM articles WHERE slug = 'article-' || :i;
