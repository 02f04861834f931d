CREATE ROLE mobile LOGIN CONNECTION LIMIT 18;
CREATE FUNCTION translate_page(int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(20);  -- stands for a call to a service that does not answer
  RETURN 'page';
END $$;
