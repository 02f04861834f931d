\set f random(10000, 99999)
SELECT id, name, city FROM customers WHERE name LIKE '%:f%' ORDER BY name LIMIT 20;
