-- role: node
SET application_name = 'node-3';
SELECT pg_advisory_lock(4711);
