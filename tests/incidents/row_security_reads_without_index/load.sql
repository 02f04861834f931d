\set i random(1, 500000)
\set n random(1, 100000)
SELECT set_config('app.user_id', :i::text, false);
SELECT body FROM notes WHERE id = :n;
