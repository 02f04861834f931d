-- tonight's delivery
INSERT INTO deliveries SELECT i, 77, i, repeat('x', 40) FROM generate_series(20001, 36000) i;
