#!/bin/sh
# A hundred thousand established TCP connections (another number: -f).
# Arguments as of pktgen.sh, for example: many-flows.sh -i eth0 -m 02:00:00:00:00:01 -d 203.0.113.10
exec "$(dirname "$0")/pktgen.sh" -k ack -f 100000 "$@"
