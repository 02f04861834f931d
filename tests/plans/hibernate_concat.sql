-- title: Hibernate: like concat('%', ?, '%')
-- verdict: harmful
-- object: books
-- cure: none: rewrite
-- setup:
CREATE TABLE books (id bigserial PRIMARY KEY, title varchar(255) NOT NULL, isbn varchar(20), blurb text);
INSERT INTO books (title, isbn, blurb) SELECT 'Title ' || md5(i::text), 'i' || i, repeat('b', 120) FROM generate_series(1, 100000) i;
ANALYZE books;
-- query:
select b1_0.id, b1_0.title from books b1_0 where b1_0.title like ('%' || $1 || '%') escape '';
-- truth:
select b1_0.id, b1_0.title from books b1_0 where b1_0.title like ('%' || '5b2a7c' || '%') escape '';
