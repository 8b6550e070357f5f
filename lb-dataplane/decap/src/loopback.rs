//! Addresses of interfaces, those of the loopback interface above all, by rtnetlink.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::pin::pin;

use anyhow::Context as _;
use rtnetlink::Handle;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use rtnetlink::packet_route::link::LinkAttribute;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;

/// Errors of the kernel that mean: it is so already.
const EEXIST: i32 = 17;
const EADDRNOTAVAIL: i32 = 99;

/// The loopback interface of this network namespace.
pub(crate) struct Loopback {
    handle: Handle,
    connection: JoinHandle<()>,
    index: u32,
}

impl Loopback {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let (connection, handle, _) =
            rtnetlink::new_connection().context("cannot open a rtnetlink socket")?;
        let connection = tokio::spawn(connection);
        let mut loopback = Self { handle, connection, index: 0 };
        loopback.index = loopback.link("lo").await?.0;
        Ok(loopback)
    }

    /// The MTU of an interface.
    pub(crate) async fn mtu(&self, interface: &str) -> anyhow::Result<Option<u32>> {
        Ok(self.link(interface).await?.1)
    }

    /// Addresses on lo that are an address of their own: /32 and /128.
    pub(crate) async fn addresses(&self) -> anyhow::Result<BTreeSet<IpAddr>> {
        let mut addresses = BTreeSet::new();
        let mut answers = pin!(self.handle.address().get().set_link_index_filter(self.index).execute());
        while let Some(message) = answers.next().await {
            if let Some(address) = host_address(&message.context("cannot list the addresses of lo")?) {
                addresses.insert(address);
            }
        }
        Ok(addresses)
    }

    /// Addresses of an interface that others can reach it by; none when there is no such interface.
    pub(crate) async fn addresses_of(&self, interface: &str) -> anyhow::Result<Vec<IpAddr>> {
        let Ok((index, _)) = self.link(interface).await else { return Ok(Vec::new()) };
        let mut addresses = Vec::new();
        let mut answers = pin!(self.handle.address().get().set_link_index_filter(index).execute());
        while let Some(message) = answers.next().await {
            let message = message.with_context(|| format!("cannot list the addresses of {interface}"))?;
            if message.header.scope == AddressScope::Universe {
                addresses.extend(message.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Address(address) => Some(*address),
                    _ => None,
                }));
            }
        }
        Ok(addresses)
    }

    /// Puts an address on lo unless it is there.
    ///
    /// IPv4 gets the scope `host`, so that the kernel never takes a VIP as the source of connections of its own. IPv6
    /// gets `nodad`: several machines have this address, and none of them answers for it on a link.
    pub(crate) async fn add(&self, address: IpAddr) -> anyhow::Result<()> {
        let mut request = self.handle.address().add(self.index, address, prefix_length(address));
        let message = request.message_mut();
        match address {
            IpAddr::V4(_) => message.header.scope = AddressScope::Host,
            IpAddr::V6(_) => {
                message.header.flags = AddressHeaderFlags::Nodad;
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
        }
        unless(request.execute().await, EEXIST).with_context(|| format!("cannot put {address} on lo"))
    }

    /// Takes an address off lo unless it is gone.
    pub(crate) async fn remove(&self, address: IpAddr) -> anyhow::Result<()> {
        // The add request builds the message that names the address.
        let mut add = self.handle.address().add(self.index, address, prefix_length(address));
        let message = add.message_mut().clone();
        unless(self.handle.address().del(message).execute().await, EADDRNOTAVAIL)
            .with_context(|| format!("cannot take {address} off lo"))
    }

    async fn link(&self, interface: &str) -> anyhow::Result<(u32, Option<u32>)> {
        let mut answers = pin!(self.handle.link().get().match_name(interface.to_owned()).execute());
        let message = answers
            .next()
            .await
            .with_context(|| format!("no answer about interface {interface}"))?
            .with_context(|| format!("there is no interface {interface}"))?;
        let mtu = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        });
        Ok((message.header.index, mtu))
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

const fn prefix_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn host_address(message: &AddressMessage) -> Option<IpAddr> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    })?;
    (message.header.prefix_len == prefix_length(address)).then_some(address)
}

/// Takes one error of the kernel for success.
fn unless(result: Result<(), rtnetlink::Error>, errno: i32) -> Result<(), rtnetlink::Error> {
    match result {
        Err(rtnetlink::Error::NetlinkError(message)) if message.raw_code() == -errno => Ok(()),
        other => other,
    }
}
