-- role: node
SET application_name = 'node-2';
SELECT pg_advisory_lock(4711);
