-- role: shop
SET application_name = 'checkout';
BEGIN;
UPDATE stock SET pieces = pieces + 10 WHERE item % 2 = 0;
