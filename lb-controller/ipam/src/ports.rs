use guideway_dataplane_config::{Ports, Protocol};

/// Ports of one protocol, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) protocol: Protocol,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// The ports of a claim as disjoint spans.
pub(crate) fn spans(ports: &[(Protocol, Ports)]) -> Vec<Span> {
    let mut all: Vec<Span> = ports
        .iter()
        .map(|&(protocol, ports)| {
            let (first, last) = ports.bounds();
            Span { protocol, first, last }
        })
        .collect();
    all.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(all.len());
    for span in all {
        match merged.last_mut() {
            Some(before) if before.protocol == span.protocol && span.first <= before.last => {
                before.last = before.last.max(span.last);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_one() {
        use Protocol::{Tcp, Udp};
        let found = spans(&[
            (Udp, Ports::One(53)),
            (Tcp, Ports::Range(10, 20)),
            (Tcp, Ports::One(15)),
            (Tcp, Ports::Range(20, 30)),
            (Tcp, Ports::One(53)),
            (Tcp, Ports::One(53)),
        ]);
        let plain: Vec<_> = found.iter().map(|span| (span.protocol, span.first, span.last)).collect();
        assert_eq!(plain, [(Tcp, 10, 30), (Tcp, 53, 53), (Udp, 53, 53)]);
    }
}
