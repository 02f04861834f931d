#!/bin/bash
# One dump after the other, until the server ends.
(while pg_dump -f /dev/null 2>/dev/null; do :; done &)
