SELECT max(place) FROM (SELECT row_number() OVER (ORDER BY note, customer, id) AS place FROM orders) AS ranking;
