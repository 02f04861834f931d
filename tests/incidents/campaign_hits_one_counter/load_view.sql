\set slot random(1, 999)
BEGIN;
SELECT page FROM featured WHERE slot = :slot \gset
INSERT INTO page_views (page, day, views) VALUES (:page, current_date, 1) ON CONFLICT (page, day) DO UPDATE SET views = page_views.views + 1;
INSERT INTO visits (page) VALUES (:page);
\sleep 20 ms
COMMIT;
\sleep 100 ms
