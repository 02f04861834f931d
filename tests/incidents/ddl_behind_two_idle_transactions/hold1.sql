-- role: billing
SET application_name = 'billing';
BEGIN;
SELECT count(*) FROM parcels;
