//! Published codecs, and what they make of an UPDATE in our types.

mod netgauze;
mod rustbgpd;

use guideway_bgp_wire::{Approach, Context, Family, Message, NextHop, Nlri, Reach, Unreach, Update};

/// The published codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// rustbgpd-wire.
    Rustbgpd,
    /// netgauze-bgp-pkt.
    Netgauze,
}

impl Codec {
    pub(crate) const ALL: [Self; 2] = [Self::Rustbgpd, Self::Netgauze];

    /// What it makes of an UPDATE that a peer of this context sent.
    pub(crate) fn verdict(self, bytes: &[u8], context: &Context) -> Verdict {
        match self {
            Self::Rustbgpd => rustbgpd::verdict(bytes, context),
            Self::Netgauze => netgauze::verdict(bytes, context),
        }
    }
}

/// What a codec does about a message, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Fine,
    Discard,
    Withdraw,
    Reset,
}

/// What a codec makes of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// The contents, when the outcome leaves them as they were sent.
    pub(crate) update: Option<Update>,
    /// For the reader of a failed test.
    pub(crate) why: String,
}

impl Verdict {
    pub(crate) fn reset(why: impl ToString) -> Self {
        Self { outcome: Outcome::Reset, update: None, why: why.to_string() }
    }
}

/// Our own verdict.
pub(crate) fn ours(bytes: &[u8], context: &Context) -> Verdict {
    let update = match Message::decode(bytes, context) {
        Ok(Message::Update(update)) => update,
        Ok(other) => panic!("not an UPDATE: {other:?}"),
        Err(error) => return Verdict::reset(error),
    };
    let outcome = match update.faults.iter().map(|fault| fault.approach).max() {
        None => Outcome::Fine,
        Some(Approach::AttributeDiscard) => Outcome::Discard,
        Some(Approach::TreatAsWithdraw) => Outcome::Withdraw,
    };
    let why = format!("{:?}", update.faults);
    let update = Update { faults: vec![], ..update };
    Verdict { outcome, update: Some(update).filter(|_| outcome < Outcome::Withdraw), why }
}

/// Puts sets of prefixes together as our decoder does.
pub(crate) fn assemble(
    classic: (Option<NextHop>, Vec<Nlri>),
    mp_reach: Option<Reach>,
    withdrawn: Vec<Nlri>,
    mp_unreach: Option<Unreach>,
    has_attributes: bool,
) -> Update {
    let mut update = Update::default();
    let v4 = Unreach { family: Family::Ipv4, nlri: withdrawn };
    let bare = !has_attributes && classic.1.is_empty() && v4.nlri.is_empty() && mp_reach.is_none();
    match &mp_unreach {
        None if bare => update.end_of_rib = Some(Family::Ipv4),
        Some(unreach) if bare && unreach.nlri.is_empty() => update.end_of_rib = Some(unreach.family),
        _ => {}
    }
    for unreach in [Some(v4), mp_unreach].into_iter().flatten().filter(|unreach| !unreach.nlri.is_empty()) {
        match update.unreach.iter_mut().find(|known| known.family == unreach.family) {
            Some(known) => known.nlri.extend(unreach.nlri),
            None => update.unreach.push(unreach),
        }
    }
    if let (Some(next_hop), false) = (classic.0, classic.1.is_empty()) {
        update.reach.push(Reach { family: Family::Ipv4, next_hop, nlri: classic.1 });
    }
    update.reach.extend(mp_reach.filter(|reach| !reach.nlri.is_empty()));
    update
}

/// The parts of an UPDATE as far as they can be told apart; `None` when the lengths do not add up.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Flags, type and value of every attribute that is whole.
    pub(crate) attributes: Vec<(u8, u8, Vec<u8>)>,
    pub(crate) nlri: Vec<u8>,
}

impl Parts {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let number =
            |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
        let start = 21 + number(19)?;
        let end = start + 2 + number(start)?;
        let mut list = bytes.get(start + 2..end)?;
        let mut attributes = Vec::new();
        while !list.is_empty() {
            let head = if list[0] & 0x10 == 0 { 3 } else { 4 };
            let length = list
                .get(2..head)
                .map(|length| length.iter().fold(0, |all, octet| all << 8 | usize::from(*octet)));
            let Some(value) = length.and_then(|length| list.get(head..head + length)) else {
                break;
            };
            attributes.push((list[0], list[1], value.to_vec()));
            list = &list[head + value.len()..];
        }
        Some(Self { attributes, nlri: bytes[end..].to_vec() })
    }

    /// True when there are advertised prefixes, as far as one can see.
    pub(crate) fn has_reach(&self) -> bool {
        // Family and next hop of an unknown family: who knows what is behind them.
        let behind = |value: &[u8]| {
            let next_hop = value.get(3).map_or(0, |length| usize::from(*length));
            value.len() > 5 + next_hop || !matches!(value, [0, 1 | 2, 1, ..])
        };
        !self.nlri.is_empty() || self.attributes.iter().any(|(_, kind, value)| *kind == 14 && behind(value))
    }
}
