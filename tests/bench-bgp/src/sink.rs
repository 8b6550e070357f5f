//! Peers that only listen: they take everything and tell when they have it. What the speaker costs by itself is measured
//! with them, without a router's own time.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guideway_bgp_wire::{Capability, Context, Family, Frame, Message, Open, frame};
use guideway_lab::netns::Netns;
use nix::sched::{CloneFlags, setns};

/// Prefixes that were announced and withdrawn by one UPDATE, and when it was there.
struct Heard {
    at: Instant,
    announced: usize,
    withdrawn: usize,
}

/// One of them.
pub(crate) struct Sink {
    heard: Receiver<Heard>,
}

impl Sink {
    /// Listens on port 179 of an address in a namespace.
    pub(crate) fn listen(netns: &Netns, address: IpAddr, asn: u32) -> Result<Self> {
        let namespace = File::open(netns.path())?;
        let (sender, heard) = channel();
        let (ready, listens) = channel();
        std::thread::spawn(move || {
            let listener = setns(namespace, CloneFlags::CLONE_NEWNET)
                .map_err(anyhow::Error::from)
                .and_then(|()| Ok(TcpListener::bind(SocketAddr::new(address, 179))?));
            let listener = match listener {
                Ok(listener) => {
                    let _waiting = ready.send(Ok(()));
                    listener
                }
                Err(error) => return drop(ready.send(Err(error))),
            };
            while let Ok((stream, _)) = listener.accept() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, asn, &sender));
            }
        });
        listens
            .recv()
            .context("the thread of a sink ended")?
            .with_context(|| format!("listen on {address}"))?;
        Ok(Self { heard })
    }

    /// When so many more prefixes have been announced.
    pub(crate) fn announced(&self, count: usize, limit: Duration) -> Result<Instant> {
        self.wait(count, |heard| heard.announced, limit)
    }

    /// When so many more prefixes have been withdrawn.
    pub(crate) fn withdrawn(&self, count: usize, limit: Duration) -> Result<Instant> {
        self.wait(count, |heard| heard.withdrawn, limit)
    }

    fn wait(&self, count: usize, of: impl Fn(&Heard) -> usize, limit: Duration) -> Result<Instant> {
        let end = Instant::now() + limit;
        let mut seen = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(heard) = self.heard.recv_timeout(left) else { bail!("{seen} of {count} prefixes came") };
            seen += of(&heard);
            if seen >= count {
                return Ok(heard.at);
            }
        }
    }
}

/// Answers OPEN, and takes what comes until the connection ends.
fn serve(mut stream: TcpStream, asn: u32, heard: &Sender<Heard>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let context = Context::default();
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let length = stream.read(&mut chunk).ok().filter(|length| *length > 0)?;
        let at = Instant::now();
        buffer.extend_from_slice(&chunk[..length]);
        let mut used = 0;
        while let Ok(Frame::Complete { length }) = frame(&buffer[used..]) {
            match Message::decode(&buffer[used..used + length], &context).ok()? {
                Message::Open(_) => {
                    let capabilities = vec![Capability::family(Family::Ipv4)];
                    let open = Open::new(asn, 90, Ipv4Addr::new(10, 255, 0, 9), capabilities);
                    for message in [Message::Open(open), Message::Keepalive] {
                        stream.write_all(&message.encode(&context).ok()?).ok()?;
                    }
                }
                Message::Keepalive => {
                    stream.write_all(&Message::Keepalive.encode(&context).ok()?).ok()?;
                }
                Message::Update(update) => {
                    let announced = update.reach.iter().map(|reach| reach.nlri.len()).sum();
                    let withdrawn = update.unreach.iter().map(|unreach| unreach.nlri.len()).sum();
                    heard.send(Heard { at, announced, withdrawn }).ok()?;
                }
                _ => {}
            }
            used += length;
        }
        buffer.drain(..used);
    }
}
