-- role: seats
SET application_name = 'ticket-service';
BEGIN;
UPDATE tickets SET state = 'held', buyer = 2 WHERE id % 50 = 2;
