//! Counters of the kernel's TCP, from the files with a line of names above a line of values.

/// The value of `name` in the lines of `group`, for example `("Tcp", "RetransSegs")`.
#[must_use]
pub fn counter_of(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let names = lines.next()?;
    let values = lines.next()?;
    let place = names.split_whitespace().position(|word| word == name)?;
    values.split_whitespace().nth(place)?.parse().ok()
}

/// Segments sent again and SYNs sent again by the kernel of this namespace since it was made.
pub(super) fn retransmits() -> (u64, u64) {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    (
        counter_of(&read("/proc/self/net/snmp"), "Tcp", "RetransSegs").unwrap_or(0),
        counter_of(&read("/proc/self/net/netstat"), "TcpExt", "TCPSynRetrans").unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_counter_is_found_by_its_name() {
        let text =
            "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: InSegs RetransSegs\nTcp: 10 7\nTcpExt: X\nTcpExt: 3\n";
        assert_eq!(super::counter_of(text, "Tcp", "RetransSegs"), Some(7));
        assert_eq!(super::counter_of(text, "TcpExt", "X"), Some(3));
        assert_eq!(super::counter_of(text, "Tcp", "Nothing"), None);
    }
}
