SELECT id, item, note FROM deliveries WHERE batch = 77;
\sleep 50 ms
