ALTER SYSTEM SET random_page_cost = 1000000;
ALTER SYSTEM SET effective_cache_size = '8kB';
SELECT pg_reload_conf();
