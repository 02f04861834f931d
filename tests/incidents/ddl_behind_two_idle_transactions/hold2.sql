-- role: exporter
SET application_name = 'nightly_export';
BEGIN;
SELECT place FROM parcels WHERE id = 7;
