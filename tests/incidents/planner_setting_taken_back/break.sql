ALTER ROLE app RESET enable_indexscan;
ALTER ROLE app RESET enable_bitmapscan;
