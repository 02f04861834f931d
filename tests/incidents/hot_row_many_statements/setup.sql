SET client_min_messages = warning;
CREATE TABLE merchants (id int PRIMARY KEY, balance bigint NOT NULL, orders bigint NOT NULL, refunds bigint NOT NULL,
                        visits bigint NOT NULL, rating bigint NOT NULL, messages bigint NOT NULL, payouts bigint NOT NULL,
                        coupons bigint NOT NULL);
INSERT INTO merchants SELECT i, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, 200) i;
GRANT SELECT, UPDATE ON merchants TO app;
ANALYZE;
