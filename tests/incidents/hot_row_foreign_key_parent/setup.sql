CREATE TABLE carts (id int PRIMARY KEY, total bigint NOT NULL);
CREATE TABLE cart_lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cart int NOT NULL REFERENCES carts, pieces int NOT NULL);
CREATE INDEX ON cart_lines (cart);
INSERT INTO carts SELECT i, 0 FROM generate_series(1, 100) i;
CREATE ROLE app LOGIN;
CREATE ROLE billing LOGIN;
GRANT SELECT, INSERT, UPDATE ON carts, cart_lines TO app, billing;
ANALYZE;
