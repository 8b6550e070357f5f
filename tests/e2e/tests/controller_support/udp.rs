//! Servers and clients of UDP, in namespaces of the lab.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use guideway_lab::netns::Netns;
use nix::sched::{CloneFlags, setns};

/// How often a server looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// A socket in a namespace.
pub fn socket(netns: &Netns, address: SocketAddr) -> Result<UdpSocket> {
    let namespace = File::open(netns.path())?;
    // In a thread of its own: the namespace is the thread's, and the socket stays in it.
    let open = move || -> Result<UdpSocket> {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        UdpSocket::bind(address).with_context(|| format!("cannot bind {address}"))
    };
    std::thread::spawn(open).join().map_err(|_| anyhow!("the thread panicked"))?
}

/// Answers each packet with its name until it is dropped.
pub struct Server {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(netns: &Netns, address: SocketAddr, name: &str) -> Result<Self> {
        let socket = socket(netns, address)?;
        socket.set_read_timeout(Some(LOOK))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, name) = (stop.clone(), name.to_owned());
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while !ended.load(Ordering::Relaxed) {
                if let Ok((_, client)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(name.as_bytes(), client);
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One flow of a client.
pub struct Flow(UdpSocket);

impl Flow {
    /// From a port of its own.
    pub fn open(netns: &Netns, server: SocketAddr) -> Result<Self> {
        let socket = socket(netns, (IpAddr::from(Ipv4Addr::UNSPECIFIED), 0).into())?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        Ok(Self(socket))
    }

    /// Who answers; `None` when nobody does. Packets of UDP may be lost: asked a few times.
    pub fn ask(&self) -> Result<Option<String>> {
        let mut buffer = [0; 64];
        for _ in 0..4 {
            if self.0.send(b"who").is_err() {
                continue;
            }
            if let Ok(length) = self.0.recv(&mut buffer) {
                return Ok(Some(String::from_utf8_lossy(&buffer[..length]).into_owned()));
            }
        }
        Ok(None)
    }
}
