\set page random(1, 500)
SELECT n FROM hits WHERE page = :page;
