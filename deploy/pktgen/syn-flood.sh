#!/bin/sh
# SYNs, each of a connection that was never seen before, from all addresses of 198.18.0.0/15.
# Arguments as of pktgen.sh, for example: syn-flood.sh -i eth0 -m 02:00:00:00:00:01 -d 203.0.113.10
exec "$(dirname "$0")/pktgen.sh" -k syn -f 0 "$@"
