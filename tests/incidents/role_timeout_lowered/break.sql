ALTER ROLE closing SET statement_timeout = '400ms';
