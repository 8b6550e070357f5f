//! L2 mode: answers on the links of this node for the addresses that it owns, as `guideway_l2` does.
//!
//! Which these are is published with the announcements: served VIPs whose owner, by the controller, is this forwarder. It
//! answers at interfaces where the program is attached, since packets that come in elsewhere are not balanced.

use std::collections::BTreeSet;

use guideway_l2::{Status, Wanted, serve};
use ipnet::IpNet;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::announce::{Announcements, Watch};
use crate::error::chain;

/// Runs until `stop`, or until nobody announces anything any more. Neighbours then forget this forwarder by and by.
pub async fn keep(announcements: Watch, status: watch::Sender<Status>, stop: CancellationToken) {
    let (sender, wanted) = watch::channel(Wanted::default());
    tokio::select! {
        () = follow(announcements, sender) => {}
        () = serve(wanted, status, stop) => {}
    }
}

async fn follow(mut announcements: Watch, wanted: watch::Sender<Wanted>) {
    let mut left_out = BTreeSet::new();
    loop {
        if let Some(announcements) = &*announcements.borrow_and_update() {
            let (now, prefixes) = wanted_by(announcements);
            wanted.send_if_modified(|before| {
                let differs = *before != now;
                *before = now;
                differs
            });
            for prefix in prefixes.difference(&left_out) {
                tracing::warn!(%prefix, "L2 mode answers for single addresses; nobody answers for this prefix");
            }
            left_out = prefixes;
        }
        if announcements.changed().await.is_err() {
            return;
        }
    }
}

/// What is to be answered for, and prefixes that are not.
fn wanted_by(announcements: &Announcements) -> (Wanted, BTreeSet<IpNet>) {
    let is_host = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
    let owned = announcements.on_link.iter().filter(|(net, _)| is_host(net));
    let owned = owned.map(|(net, links)| (net.addr(), links.clone())).collect();
    let prefixes = announcements.on_link.keys().filter(|net| !is_host(net)).copied().collect();
    (Wanted { links: announcements.links.clone(), owned }, prefixes)
}

/// What is not answered for as it should be, and why; in words, one each.
#[must_use]
pub fn problems(status: &Status, announcements: Option<&Announcements>) -> Vec<String> {
    let links = status.problems.iter().map(|(link, problem)| format!("{link}: {}", chain(&**problem)));
    let Some(announcements) = announcements else { return links.collect() };
    let (wanted, prefixes) = wanted_by(announcements);
    let is_nowhere = |on: &BTreeSet<String>| !on.is_empty() && on.is_disjoint(&wanted.links);
    let nowhere = wanted.owned.iter().filter(|(_, on)| is_nowhere(on)).map(|(address, on)| {
        let on: Vec<&str> = on.iter().map(String::as_str).collect();
        format!(
            "{address} is to be answered for on {} alone, and the program runs on no such interface",
            on.join(", ")
        )
    });
    let prefixes =
        prefixes.iter().map(|prefix| format!("{prefix} is no single address: nobody answers for it"));
    links.chain(nowhere).chain(prefixes).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guideway_l2::LinkProblem;

    use super::*;

    #[test]
    fn addresses_by_the_interfaces_where_the_program_is() {
        let on = |links: &[&str]| links.iter().map(|link| (*link).to_owned()).collect::<BTreeSet<String>>();
        let announcements = Announcements {
            on_link: [
                ("203.0.113.10/32".parse().unwrap(), on(&["up1"])),
                ("2001:db8::10/128".parse().unwrap(), on(&[])),
                ("203.0.113.128/25".parse().unwrap(), on(&[])),
            ]
            .into(),
            links: on(&["up0", "up1"]),
            ..Announcements::default()
        };
        let (wanted, prefixes) = wanted_by(&announcements);
        assert_eq!(wanted.links, on(&["up0", "up1"]));
        let owned = [("203.0.113.10", on(&["up1"])), ("2001:db8::10", on(&[]))];
        assert_eq!(wanted.owned, owned.map(|(address, links)| (address.parse().unwrap(), links)).into());
        assert_eq!(prefixes, ["203.0.113.128/25".parse().unwrap()].into());
    }

    #[test]
    fn what_is_not_answered_for_is_told() {
        let on = |links: &[&str]| links.iter().map(|link| (*link).to_owned()).collect::<BTreeSet<String>>();
        let announcements = Announcements {
            on_link: [
                ("203.0.113.10/32".parse().unwrap(), on(&["up9", "up8"])),
                ("203.0.113.11/32".parse().unwrap(), on(&["up9", "up0"])),
                ("203.0.113.12/32".parse().unwrap(), on(&[])),
                ("203.0.113.128/25".parse().unwrap(), on(&[])),
            ]
            .into(),
            links: on(&["up0"]),
            ..Announcements::default()
        };
        let refused = LinkProblem::Socket(std::io::Error::other("not permitted"));
        let broken = [("up0".to_owned(), Arc::new(refused))];
        let status = Status { problems: broken.into(), ..Status::default() };
        let of_link = "up0: no packet socket can be opened on the interface: not permitted";
        assert_eq!(problems(&Status::default(), None), [""; 0]);
        assert_eq!(problems(&status, None), [of_link]);
        assert_eq!(
            problems(&status, Some(&announcements)),
            [
                of_link,
                "203.0.113.10 is to be answered for on up8, up9 alone, and the program runs on no such interface",
                "203.0.113.128/25 is no single address: nobody answers for it",
            ]
        );
    }

    #[tokio::test]
    async fn what_is_announced_is_wanted() {
        let announcer = crate::announce::Announcer::default();
        let (sender, mut wanted) = watch::channel(Wanted::default());
        let follow = tokio::spawn(follow(announcer.watch(), sender));
        let address: IpNet = "203.0.113.10/32".parse().unwrap();
        let owns = Announcements { on_link: [(address, BTreeSet::new())].into(), ..Announcements::default() };
        announcer.publish(owns);
        wanted.wait_for(|wanted| wanted.owned.contains_key(&address.addr())).await.unwrap();
        announcer.publish(Announcements::default());
        wanted.wait_for(|wanted| wanted.owned.is_empty()).await.unwrap();
        drop(announcer);
        follow.await.unwrap();
    }
}
