INSERT INTO audit_archive VALUES (now(), 'user 7', repeat('x', 600));
\sleep 50 ms
