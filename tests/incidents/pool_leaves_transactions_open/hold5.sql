-- role: seats
SET application_name = 'ticket-service';
BEGIN;
UPDATE tickets SET state = 'held', buyer = 5 WHERE id % 50 = 5;
