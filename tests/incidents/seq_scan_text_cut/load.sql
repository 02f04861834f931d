\set i random(1, 300000)
SELECT
       CASE WHEN tickets.state = 'state 0' THEN 'a label of some length for state 0' END AS state_label_0,
       CASE WHEN tickets.state = 'state 1' THEN 'a label of some length for state 1' END AS state_label_1,
       CASE WHEN tickets.state = 'state 2' THEN 'a label of some length for state 2' END AS state_label_2,
       CASE WHEN tickets.state = 'state 3' THEN 'a label of some length for state 3' END AS state_label_3,
       CASE WHEN tickets.state = 'state 4' THEN 'a label of some length for state 4' END AS state_label_4,
       CASE WHEN tickets.state = 'state 5' THEN 'a label of some length for state 5' END AS state_label_5,
       CASE WHEN tickets.state = 'state 6' THEN 'a label of some length for state 6' END AS state_label_6,
       CASE WHEN tickets.state = 'state 7' THEN 'a label of some length for state 7' END AS state_label_7,
       CASE WHEN tickets.state = 'state 8' THEN 'a label of some length for state 8' END AS state_label_8,
       CASE WHEN tickets.state = 'state 9' THEN 'a label of some length for state 9' END AS state_label_9,
       CASE WHEN tickets.state = 'state 10' THEN 'a label of some length for state 10' END AS state_label_10,
       CASE WHEN tickets.state = 'state 11' THEN 'a label of some length for state 11' END AS state_label_11,
       tickets.body
FROM tickets
WHERE tickets.tenant = :i % 200 AND tickets.reference = 'T-' || md5(:i::text);
\sleep 200 ms
