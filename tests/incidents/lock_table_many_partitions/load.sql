\set day random(1, 360)
SELECT count(*) FROM visits WHERE day = :day;
