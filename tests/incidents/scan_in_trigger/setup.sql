SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE shop_owner LOGIN;
GRANT CREATE ON SCHEMA public TO shop_owner;
SET ROLE shop_owner;
CREATE TABLE customers (id bigint PRIMARY KEY, mail text NOT NULL, credit numeric NOT NULL, note text);
INSERT INTO customers SELECT i, 'c' || i || '@example.org', 100, repeat(md5(i::text), 20) FROM generate_series(1, 400000 * :scale) i;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text NOT NULL, total numeric NOT NULL);
CREATE FUNCTION check_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.total > (SELECT c.credit FROM customers c WHERE c.mail = NEW.mail) THEN
    RAISE EXCEPTION 'no credit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER credit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION check_credit();
GRANT SELECT ON customers TO app;
GRANT SELECT, INSERT ON orders TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
