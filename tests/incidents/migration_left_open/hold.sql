SET application_name = 'migrate';
BEGIN;
ALTER TABLE articles ADD COLUMN note text;
