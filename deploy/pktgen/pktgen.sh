#!/bin/sh
# Sends packets by the kernel's own packet generator (module pktgen) and prints how many a second it sent.
# Needs root; POSIX sh with sed, and tc (iproute2) for TCP. README.md says more.
set -eu

usage() {
    cat >&2 <<'USAGE'
usage: pktgen.sh -i DEVICE -m MAC -d ADDRESS [options]
  -i DEVICE    interface to send on; it must be up
  -m MAC       destination MAC address: the forwarder's, or the router's in front of it
  -d ADDRESS   the VIP, IPv4 or IPv6
  -p PORT      the VIP's port (80)
  -k KIND      udp, ack (TCP segments of established connections) or syn (udp)
  -f FLOWS     flows that the packets are drawn from at random; 0: every packet is of a new flow (1)
  -n PACKETS   how many packets, over all CPUs (1000000)
  -s SIZE      frame size in bytes without the checksum (64, at least 78 with IPv6)
  -c CPUS      CPUs that send: a list such as 0 or "0 1 2 3"; each uses its own transmit queue (0)
USAGE
    exit 2
}

device= mac= address= port=80 kind=udp flows=1 packets=1000000 size=64 cpus=0
while getopts hi:m:d:p:k:f:n:s:c: option; do
    case $option in
    i) device=$OPTARG ;;
    m) mac=$OPTARG ;;
    d) address=$OPTARG ;;
    p) port=$OPTARG ;;
    k) kind=$OPTARG ;;
    f) flows=$OPTARG ;;
    n) packets=$OPTARG ;;
    s) size=$OPTARG ;;
    c) cpus=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] && [ -n "$device" ] && [ -n "$mac" ] && [ -n "$address" ] || usage
case $kind in udp | ack | syn) ;; *) usage ;; esac
case $address in *:*) family=6 ;; *) family=4 ;; esac

fail() {
    echo "pktgen.sh: $*" >&2
    exit 1
}

PROC=/proc/net/pktgen
[ -d $PROC ] || modprobe pktgen || fail "the kernel has no pktgen"

# One command to pktgen. It answers a bad one with an error of write(2), and says more in the file itself.
tell() {
    echo "$2" >"$PROC/$1" || fail "pktgen refuses '$2' for $1: $(sed -n 's/^Result: //p' "$PROC/$1")"
}

each_cpu() {
    for cpu in $cpus; do
        "$1" "$cpu"
    done
}

release() {
    tell "kpktgend_$1" rem_device_all
}

# pktgen makes UDP. For TCP its packets go through the egress filter of the interface, where they get the protocol
# number of TCP and, in the place of pktgen's own header behind UDP's, header length, flags and window.
to_tcp() {
    case $kind in syn) flags=0x5002ffff ;; *) flags=0x5010ffff ;; esac
    tc qdisc add dev "$device" clsact 2>/dev/null || :
    tc filter del dev "$device" egress pref 6 2>/dev/null || :
    if [ $family = 4 ]; then
        tc filter add dev "$device" egress protocol ip pref 6 matchall \
            action pedit ex munge ip protocol set 6 pipe \
            action pedit munge offset 32 u32 set $flags pipe \
            action csum ip4h tcp
    else
        tc filter add dev "$device" egress protocol ipv6 pref 6 matchall \
            action pedit ex munge ip6 nexthdr set 6 pipe \
            action pedit munge offset 52 u32 set $flags pipe \
            action csum tcp
    fi
}

clean() {
    each_cpu release
    [ "$kind" = udp ] || tc filter del dev "$device" egress pref 6 2>/dev/null || :
}

PORTS=16384
count_cpus() {
    echo $#
}
# shellcheck disable=SC2086 # a list
threads=$(count_cpus $cpus)

queue=0
prepare() {
    thread=kpktgend_$1 sender="$device@$1"
    tell "$thread" "add_device $sender"
    tell "$sender" "count $((packets / threads))"
    tell "$sender" "clone_skb 0"
    tell "$sender" "delay 0"
    tell "$sender" "queue_map_min $queue"
    tell "$sender" "queue_map_max $queue"
    tell "$sender" "dst_mac $mac"
    tell "$sender" "udp_dst_min $port"
    tell "$sender" "udp_dst_max $port"
    [ "$kind" = udp ] || tell "$sender" "xmit_mode queue_xmit"
    if [ $family = 4 ]; then
        tell "$sender" "pkt_size $size"
        tell "$sender" "dst_min $address"
        tell "$sender" "dst_max $address"
        sources4 "$sender"
    else
        [ "$size" -ge 78 ] || size=78
        tell "$sender" "pkt_size $size"
        tell "$sender" "dst6 $address"
        tell "$sender" "src6 2001:db8:ffff::$((queue + 1))"
        # pktgen varies no IPv6 sources: the ports alone tell the flows of a CPU apart.
        case $flows in
        0) ports "$sender" 64511 ;;
        *) ports "$sender" $((flows < 64511 ? flows : 64511)) ;;
        esac
    fi
    queue=$((queue + 1))
}

# Of a range that is drawn from, the last one is not used.
ports() {
    tell "$1" "udp_src_min 1024"
    if [ "$2" -eq 1 ]; then
        tell "$1" "udp_src_max 1024"
    else
        tell "$1" "udp_src_max $((1024 + $2))"
        tell "$1" "flag UDPSRC_RND"
    fi
}

# Sources are of 198.18.0.0/15, which RFC 2544 sets aside for measurements.
sources4() {
    tell "$1" "src_min 198.18.0.0"
    if [ "$flows" -eq 0 ]; then
        tell "$1" "src_max 198.19.255.255"
        tell "$1" "flag IPSRC_RND"
        ports "$1" 64511
    elif [ "$flows" -le $PORTS ]; then
        tell "$1" "src_max 198.18.0.0"
        ports "$1" "$flows"
    else
        hosts=$(((flows + PORTS - 1) / PORTS))
        tell "$1" "src_max 198.18.$((hosts / 256)).$((hosts % 256))"
        tell "$1" "flag IPSRC_RND"
        ports "$1" $PORTS
    fi
}

# Microseconds and packets that a CPU took; the packets a second of all are their sum.
report() {
    line=$(sed -n 's/^Result: OK: \([0-9]*\)(.*) usec, \([0-9]*\) (.*/\1 \2/p' "$PROC/$device@$1")
    [ -n "$line" ] || fail "no result: $(sed -n 's/^Result: //p' "$PROC/$device@$1")"
    usec=${line% *} sent=${line#* }
    rate=$((sent * 1000000 / (usec > 0 ? usec : 1)))
    echo "cpu=$1 sent=$sent usec=$usec pps=$rate"
    total_sent=$((total_sent + sent)) total_rate=$((total_rate + rate))
    longest=$((usec > longest ? usec : longest))
}

each_cpu release
trap clean EXIT
trap 'exit 130' INT TERM
[ "$kind" = udp ] || to_tcp
each_cpu prepare
tell pgctrl start
total_sent=0 total_rate=0 longest=0
each_cpu report
echo "total sent=$total_sent usec=$longest pps=$total_rate"
