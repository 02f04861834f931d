\set aid random(1, 500000)
SELECT balance FROM accounts WHERE aid = :aid;
