SET SESSION AUTHORIZATION bank;
BEGIN;
UPDATE accounts SET balance = balance + 1 WHERE id = 2;
PREPARE TRANSACTION 'transfer of no interest';
BEGIN;
UPDATE accounts SET balance = balance - 1 WHERE id = 7;
PREPARE TRANSACTION 'transfer''7';
