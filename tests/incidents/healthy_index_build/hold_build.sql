CREATE INDEX CONCURRENTLY visits_visitor ON visits (visitor);
CREATE INDEX CONCURRENTLY visits_visitor_page ON visits (visitor, page);
CREATE INDEX CONCURRENTLY visits_reverse ON visits (reverse(visitor));
CREATE INDEX CONCURRENTLY visits_page_visitor ON visits (page, visitor);
