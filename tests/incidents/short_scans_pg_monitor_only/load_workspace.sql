\set i random(1, 5000)
SELECT name FROM workspaces WHERE id = :i;
