-- In the order of a dump: tables, data, then keys and indexes. No statistics yet, and one large log without an index.
SET client_min_messages = warning;
CREATE TABLE customers (id int NOT NULL, name text, city text);
CREATE TABLE invoices (id int NOT NULL, customer int NOT NULL, cents bigint, body text);
CREATE TABLE audit (at timestamptz, line text);
INSERT INTO customers SELECT i, md5(i::text), 'c' || i % 300 FROM generate_series(1, 50000) i;
INSERT INTO invoices SELECT i, 1 + (i::bigint * 7919) % 50000, i, repeat(md5(i::text), 6) FROM generate_series(1, 400000 * :scale) i;
INSERT INTO audit SELECT timestamptz '2026-01-01' + i * interval '1 second', repeat(md5(i::text), 8)
  FROM generate_series(1, 300000 * :scale) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE invoices ADD PRIMARY KEY (id);
ALTER TABLE invoices ADD FOREIGN KEY (customer) REFERENCES customers (id);
CREATE INDEX invoices_customer ON invoices (customer);
