\set i random(1, 150)
SELECT rate FROM currencies WHERE code = 'C' || :i::text;
SELECT enabled FROM feature_flags WHERE name = 'flag ' || (:i % 60)::text;
