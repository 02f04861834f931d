SET application_name = 'console';
BEGIN;
INSERT INTO events (body) VALUES ('by hand');
