SELECT id, email FROM members WHERE lower(state) = 'active';
