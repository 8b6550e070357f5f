#!/bin/sh
# 50,000 established TCP connections over IPv6.
# Arguments as of pktgen.sh, for example: ipv6.sh -i eth0 -m 02:00:00:00:00:01 -d 2001:db8::10
exec "$(dirname "$0")/pktgen.sh" -k ack -f 50000 "$@"
