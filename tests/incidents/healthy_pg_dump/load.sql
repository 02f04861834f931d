\set id random(1, 400000)
UPDATE letters SET person = person WHERE id = :id;
SELECT body FROM letters WHERE id = :id;
