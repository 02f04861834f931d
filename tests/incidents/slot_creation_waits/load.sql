INSERT INTO events (body) VALUES ('x');
