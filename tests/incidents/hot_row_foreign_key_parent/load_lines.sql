\set pieces random(1, 9)
INSERT INTO cart_lines (cart, pieces) VALUES (1, :pieces);
\sleep 20 ms
