-- title: what runs at a time, the time a parameter
-- verdict: harmful
-- object: campaigns
-- cure: campaigns (ends_at) | campaigns (ends_at, starts_at)
-- setup:
CREATE TABLE campaigns (id bigserial PRIMARY KEY, shop_id integer NOT NULL, title text NOT NULL, starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL, terms text);
INSERT INTO campaigns (shop_id, title, starts_at, ends_at, terms)
  SELECT i % 900, 'Campaign ' || i, now() - (150000 - i) * interval '10 minutes', now() - (150000 - i) * interval '10 minutes' + interval '3 days', repeat('t', 110)
  FROM generate_series(1, 150000) i;
ANALYZE campaigns;
-- query:
SELECT id, title FROM campaigns WHERE starts_at <= $1 AND ends_at > $1;
-- truth:
SELECT id, title FROM campaigns WHERE starts_at <= now() AND ends_at > now();
