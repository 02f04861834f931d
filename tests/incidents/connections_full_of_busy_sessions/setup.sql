CREATE FUNCTION render_invoice(int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(25);  -- stands for a call to a service that does not answer
  RETURN 'done';
END $$;
