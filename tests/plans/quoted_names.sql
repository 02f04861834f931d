-- title: names that need quotes
-- verdict: harmful
-- object: "Order Lines"
-- cure: "Order Lines" ("orderId")
-- setup:
CREATE TABLE "Order Lines" ("orderId" integer, "Text" text);
INSERT INTO "Order Lines" SELECT i / 4, repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE "Order Lines";
-- query:
SELECT * FROM "Order Lines" WHERE "orderId" = $1;
-- truth:
SELECT * FROM "Order Lines" WHERE "orderId" = 77;
