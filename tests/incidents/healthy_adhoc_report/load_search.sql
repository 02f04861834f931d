SELECT id, sent FROM letters WHERE body ~* '(\w)\1\1\1\1\1 .*refund' AND sender = 'S-4711';
\sleep 3600 s
