-- title: one array exactly
-- verdict: harmful
-- object: recipes
-- cure: recipes (needs) | recipes USING gin (needs) | recipes USING hash (needs)
-- setup:
CREATE TABLE recipes (id bigint PRIMARY KEY, needs integer[], text text);
INSERT INTO recipes SELECT i, ARRAY[i % 3000, i % 2999 + 3000, i % 2998 + 6000], repeat('r', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM recipes WHERE needs = $1;
-- truth:
SELECT id FROM recipes WHERE needs = ARRAY[7, 3007, 6007];
