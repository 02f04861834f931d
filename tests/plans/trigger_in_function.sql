-- title: a function inserts, the insert fires a trigger, and that looks something up without an index
-- verdict: harmful
-- object: customers
-- cure: customers (mail)
-- setup:
CREATE TABLE customers (id bigint PRIMARY KEY, mail text NOT NULL, credit numeric, note text);
INSERT INTO customers SELECT i, 'c' || i || '@example.org', 7, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text, total numeric);
CREATE FUNCTION check_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.total > (SELECT c.credit FROM customers c WHERE c.mail = NEW.mail) THEN
    RAISE EXCEPTION 'no credit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER credit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION check_credit();
CREATE FUNCTION place_order(p_mail text, p_total numeric) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_id bigint;
BEGIN
  INSERT INTO orders (mail, total) VALUES (p_mail, p_total) RETURNING id INTO v_id;
  RETURN v_id;
END $$;
ANALYZE;
-- query:
SELECT place_order($1, $2)
-- truth:
SELECT c.credit FROM customers c WHERE c.mail = 'c4711@example.org'
