SET client_min_messages = warning; SET synchronous_commit = off;
CREATE ROLE fleet_owner LOGIN; GRANT CREATE ON SCHEMA public TO fleet_owner; SET ROLE fleet_owner;
CREATE TABLE vehicles (id bigint PRIMARY KEY, plate text NOT NULL, body text);
INSERT INTO vehicles SELECT i, md5(i::text), repeat('x', 250) FROM generate_series(1, 600000) i;
CREATE FUNCTION find_vehicle(wanted text, tab text DEFAULT 'vehicles') RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT id FROM %I WHERE plate = $1', tab) USING wanted;
END $$;
GRANT SELECT ON vehicles TO app; RESET ROLE;
ANALYZE; CHECKPOINT;
