UPDATE quotas SET used = used + 1 WHERE customer = 17;
