\set c random(1, 800)
SELECT used, allowed FROM quotas WHERE customer = :c;
