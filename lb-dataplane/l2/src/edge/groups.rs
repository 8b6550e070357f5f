//! Membership in the multicast groups in which addresses are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv6Addr;

use socket2::{Domain, Socket, Type};

use crate::LinkIndex;

/// Groups of one socket. The kernel limits their memory (`net.core.optmem_max`), to some 400.
const PER_SOCKET: usize = 128;

/// The groups that this node is a member of, by sockets that nothing is read from.
#[derive(Debug, Default)]
pub(super) struct Groups {
    joined: BTreeMap<(LinkIndex, Ipv6Addr), usize>,
    /// With the number of groups of each.
    sockets: Vec<(Socket, usize)>,
}

impl Groups {
    /// Joins and leaves groups until they are these. Gives the first error of each link; what failed is tried again the
    /// next time.
    pub(super) fn set(&mut self, wanted: &BTreeSet<(LinkIndex, Ipv6Addr)>) -> BTreeMap<LinkIndex, io::Error> {
        let gone: Vec<_> = self.joined.keys().filter(|group| !wanted.contains(group)).copied().collect();
        for (link, group) in gone {
            if let Some((socket, count)) =
                self.joined.remove(&(link, group)).and_then(|at| self.sockets.get_mut(at))
            {
                *count -= 1;
                // With its interface the membership has gone already.
                let _ = socket.leave_multicast_v6(&group, link);
            }
        }
        let mut errors = BTreeMap::new();
        for &(link, group) in wanted {
            if !self.joined.contains_key(&(link, group))
                && let Err(error) = self.join(link, group)
            {
                errors.entry(link).or_insert(error);
            }
        }
        errors
    }

    fn join(&mut self, link: LinkIndex, group: Ipv6Addr) -> io::Result<()> {
        let free = self.sockets.iter().position(|(_, count)| *count < PER_SOCKET);
        let at = match free {
            Some(at) => at,
            None => {
                self.sockets.push((Socket::new(Domain::IPV6, Type::DGRAM, None)?, 0));
                self.sockets.len() - 1
            }
        };
        let (socket, count) = &mut self.sockets[at];
        socket.join_multicast_v6(&group, link)?;
        *count += 1;
        self.joined.insert((link, group), at);
        Ok(())
    }
}
