\set state 2
SELECT id, address FROM deliveries WHERE state = :state;
