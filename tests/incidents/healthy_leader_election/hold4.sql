-- role: node
SET application_name = 'node-4';
SELECT pg_advisory_lock(4711);
