#!/bin/sh
# One established TCP connection: the best case of every cache, and one receive queue.
# Arguments as of pktgen.sh, for example: one-flow.sh -i eth0 -m 02:00:00:00:00:01 -d 203.0.113.10
exec "$(dirname "$0")/pktgen.sh" -k ack -f 1 "$@"
