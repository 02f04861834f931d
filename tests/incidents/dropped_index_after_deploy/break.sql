-- the deploy
SET lock_timeout = '5s';
DROP INDEX invoices_key;
