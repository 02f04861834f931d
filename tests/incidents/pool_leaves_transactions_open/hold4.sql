-- role: seats
SET application_name = 'ticket-service';
BEGIN;
UPDATE tickets SET state = 'held', buyer = 4 WHERE id % 50 = 4;
