-- role: node
SET application_name = 'node-1';
SELECT pg_advisory_lock(4711);
