SET application_name = 'import';
BEGIN;
UPDATE bookings SET guests = 0 WHERE room <= 20;
