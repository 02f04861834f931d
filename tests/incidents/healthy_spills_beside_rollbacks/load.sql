SELECT guest, note FROM bookings ORDER BY note, guest OFFSET 199990;
