-- role: node
SET application_name = 'node-5';
SELECT pg_advisory_lock(4711);
