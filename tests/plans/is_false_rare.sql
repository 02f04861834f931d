-- title: an outbox: what is not delivered, as SQLAlchemy asks
-- verdict: harmful
-- object: outbox
-- cure: outbox (delivered) | outbox (id) WHERE delivered IS FALSE | outbox (delivered) WHERE delivered IS FALSE
-- setup:
CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text NOT NULL, delivered boolean NOT NULL, payload text);
INSERT INTO outbox (topic, delivered, payload) SELECT 'topic' || i % 9, i % 1000 <> 0, repeat('x', 110) FROM generate_series(1, 200000) i;
ANALYZE outbox;
-- query:
SELECT outbox.id, outbox.topic, outbox.payload FROM outbox WHERE outbox.delivered IS false;
