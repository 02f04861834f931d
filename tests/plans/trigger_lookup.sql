-- title: an insert fires a trigger that looks something up without an index
-- verdict: harmful
-- object: customers
-- cure: customers (mail)
-- setup:
CREATE TABLE customers (id bigint PRIMARY KEY, mail text NOT NULL, credit numeric, note text);
INSERT INTO customers SELECT i, 'c' || i || '@example.org', 7, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, mail text, total numeric);
CREATE FUNCTION check_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.total > (SELECT c.credit FROM customers c WHERE c.mail = NEW.mail) THEN
    RAISE EXCEPTION 'no credit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER credit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION check_credit();
ANALYZE;
-- query:
INSERT INTO orders (id, mail, total) VALUES ($1, $2, $3)
-- truth:
SELECT c.credit FROM customers c WHERE c.mail = 'c4711@example.org'
