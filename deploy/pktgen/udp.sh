#!/bin/sh
# A hundred thousand UDP flows.
# Arguments as of pktgen.sh, for example: udp.sh -i eth0 -m 02:00:00:00:00:01 -d 203.0.113.10
exec "$(dirname "$0")/pktgen.sh" -k udp -f 100000 "$@"
