SET application_name = 'notebook';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM tasks;
