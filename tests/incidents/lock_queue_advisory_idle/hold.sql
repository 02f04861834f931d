SET application_name = 'worker-3';
SELECT pg_advisory_lock(42);
