\set c random(0, 499)
SELECT sum(l.price) FROM order_heads h, order_lines l WHERE h.customer = :c AND l.price > h.total;
