//! The turns of the timing thread.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use guideway_bfd::Jitter;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use rand::RngExt;
use rand::rngs::SmallRng;

use super::slot::{Fate, Slot};
use super::socket::Sender;
use super::threads::Sources;
use super::{Order, Totals};

/// How soon a report that somebody read just then is written again.
const PUBLISH_AGAIN: Duration = Duration::from_millis(1);

/// What whoever takes a turn works on.
pub(super) struct Runner {
    pub(super) sources: Arc<Sources>,
    pub(super) orders: Receiver<Order>,
    pub(super) changes: UnixStream,
    pub(super) slots: Vec<Slot>,
    /// The discriminator of each slot, in the same order: close together, to be searched for each packet.
    pub(super) numbers: Vec<u32>,
    /// When each slot has something to do, in the same order. `None`: never.
    pub(super) due: Vec<Option<Instant>>,
    pub(super) random: SmallRng,
    pub(super) stopping: bool,
    pub(super) control: Vec<u8>,
    pub(super) totals: Arc<Totals>,
    /// When the next turn is due, if nothing comes before.
    pub(super) wanted: Option<Instant>,
}

impl Runner {
    /// Whether [`Order::Stop`] has been carried out.
    pub(super) fn is_done(&self) -> bool {
        self.stopping && self.slots.is_empty()
    }

    /// Does all that there is to do, and says when something is due again.
    pub(super) fn turn(&mut self) -> Option<Instant> {
        // Nothing that came before this moment counts as missing: packets are taken in before clocks are looked at.
        // That holds after a long wait for the CPU too.
        let now = Instant::now();
        self.totals.woke(self.wanted, now);
        let mut changed = self.receive(now);
        self.take_orders(now);
        changed |= self.run_due(now);
        if changed {
            // One octet that nobody has read yet says enough.
            let _ = self.changes.write(&[0]);
        }
        self.wanted = self.due.iter().flatten().min().copied();
        self.wanted
    }

    fn run_due(&mut self, now: Instant) -> bool {
        let mut changed = false;
        let mut index = 0;
        while index < self.slots.len() {
            if self.due[index].is_none_or(|due| due > now) {
                index += 1;
                continue;
            }
            let slot = &mut self.slots[index];
            let random = &mut self.random;
            let (fate, news) = slot.run(now, || Jitter::new(random.random()));
            changed |= news;
            if fate == Fate::Gone {
                self.slots.swap_remove(index);
                self.numbers.swap_remove(index);
                self.due.swap_remove(index);
                continue;
            }
            self.due[index] = if slot.publish() { slot.due() } else { Some(now + PUBLISH_AGAIN) };
            index += 1;
        }
        changed
    }

    /// Makes the next turn look at a slot.
    pub(super) fn touch(&mut self, index: usize, now: Instant) {
        self.due[index] = Some(now);
    }

    fn take_orders(&mut self, now: Instant) {
        let _ = self.sources.wake.read();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Add(slot) => {
                    self.numbers.push(slot.session.discriminator());
                    self.listen(slot.sender.as_ref());
                    self.slots.push(*slot);
                    self.due.push(Some(now));
                }
                Order::Configure(discriminator, config, hops) => self.with(discriminator, now, |slot| {
                    slot.endpoint.hops = hops;
                    slot.session.set_config(config);
                }),
                Order::Rebind(discriminator, interface, sender) => {
                    self.listen(Some(&sender));
                    self.with(discriminator, now, |slot| {
                        slot.endpoint.interface = interface;
                        slot.sender = Some(sender);
                    });
                }
                Order::Remove(discriminator) => self.with(discriminator, now, |slot| slot.leave(now)),
                Order::Stop => {
                    self.stopping = true;
                    for index in 0..self.slots.len() {
                        self.slots[index].leave(now);
                        self.touch(index, now);
                    }
                }
            }
        }
    }

    /// Wakes the thread when echo packets come. The kernel forgets the socket when it is closed.
    fn listen(&self, sender: Option<&Sender>) {
        if let Some(wire) = sender.and_then(|sender| sender.wire.as_ref()) {
            // Without it the packets are read when something else wakes the thread, which is soon.
            let _ = self.sources.echoes.add(&wire.socket, EpollEvent::new(EpollFlags::EPOLLIN, 0));
        }
    }

    fn with(&mut self, discriminator: u32, now: Instant, change: impl FnOnce(&mut Slot)) {
        if let Some(index) = self.numbers.iter().position(|number| *number == discriminator) {
            change(&mut self.slots[index]);
            self.slots[index].unpublished = true;
            self.touch(index, now);
        }
    }
}
