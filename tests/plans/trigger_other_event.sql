-- title: the trigger that scans is fired by deletes, not by this insert
-- verdict: rightful
-- setup:
CREATE TABLE customers (id bigint PRIMARY KEY, mail text NOT NULL, note text);
INSERT INTO customers SELECT i, 'c' || i || '@example.org', repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, mail text);
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM customers WHERE mail = OLD.mail;
  RETURN OLD;
END $$;
CREATE TRIGGER forgotten AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION forget();
ANALYZE;
-- query:
INSERT INTO orders (id, mail) VALUES ($1, $2)
