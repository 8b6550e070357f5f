//! Reading an UPDATE.

use super::{Reach, Unreach, Update};
use crate::attribute::{Attributes, Found, List};
use crate::context::Context;
use crate::error::{Approach, DecodeError, Fault};
use crate::family::Family;
use crate::iana::attribute as kind;
use crate::next_hop::NextHop;
use crate::nlri::{Nlri, PathIds};
use crate::reader::Reader;

/// What the value of a multiprotocol attribute holds.
enum Multiprotocol<T> {
    Of(T),
    Ignored(u16, u8),
}

impl Update {
    pub(crate) fn decode(body: &[u8], context: &Context) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        // RFC 4271 section 6.3: lengths that exceed the message are a malformed attribute list.
        let mut field = |what| {
            let length = reader.u16().ok_or(DecodeError::AttributeList(what))?;
            reader.take(usize::from(length)).ok_or(DecodeError::AttributeList(what))
        };
        let withdrawn = field("the withdrawn routes are longer than the message")?;
        let attributes = field("the path attributes are longer than the message")?;
        let path_ids = PathIds::of(context.add_path_receive, Family::Ipv4);
        // RFC 7606 sections 3 (i) and 5.3: both fields are checked alike.
        let classic = |field, name| {
            Nlri::decode_all(field, Family::Ipv4, path_ids).ok_or(DecodeError::NetworkField(name))
        };
        let is_empty = body.iter().all(|octet| *octet == 0) && body.len() == 4;
        let withdrawn = classic(withdrawn, "withdrawn routes")?;
        let nlri = classic(reader.rest(), "NLRI")?;
        let list = List::decode(attributes, context)?;

        let mut update = Self::default();
        if is_empty {
            update.end(Family::Ipv4, context);
            return Ok(update);
        }
        update.take(list, withdrawn, nlri, context)?;
        Ok(update)
    }

    fn take(
        &mut self,
        list: List<'_>,
        withdrawn: Vec<Nlri>,
        nlri: Vec<Nlri>,
        context: &Context,
    ) -> Result<(), DecodeError> {
        self.faults = list.faults;
        self.withdraw(Family::Ipv4, withdrawn, context);
        let mut has_reach = !nlri.is_empty();
        if let Some(found) = &list.mp_unreach {
            match mp_unreach(found, context)? {
                Multiprotocol::Ignored(afi, safi) => self.ignored.push((afi, safi)),
                // RFC 4724 section 2.
                Multiprotocol::Of(unreach) if unreach.nlri.is_empty() => {
                    if self.unreach.is_empty() && nlri.is_empty() && !list.has_others {
                        self.end_of_rib = Some(unreach.family);
                    }
                }
                Multiprotocol::Of(unreach) => self.withdraw(unreach.family, unreach.nlri, context),
            }
        }
        if !nlri.is_empty() {
            self.advertise_classic(list.next_hop, nlri, context);
        }
        if let Some(found) = &list.mp_reach {
            match mp_reach(found, context)? {
                Multiprotocol::Ignored(afi, safi) => {
                    has_reach = true;
                    self.ignored.push((afi, safi));
                }
                Multiprotocol::Of(reach) => {
                    has_reach |= !reach.nlri.is_empty();
                    if !reach.nlri.is_empty() && !reach.next_hop.is_host() {
                        self.fault(DecodeError::InvalidNextHop(found.raw()));
                    }
                    self.reach.extend(Some(reach).filter(|reach| !reach.nlri.is_empty()));
                }
            }
        }
        if !self.reach.is_empty()
            && let Some(missing) = missing(&list.attributes)
        {
            // RFC 7606 section 3 (d).
            self.fault(DecodeError::MissingWellKnown(missing));
        }
        self.attributes = list.attributes;
        self.settle(has_reach, list.has_others)
    }

    /// Does what the faults ask for.
    fn settle(&mut self, has_reach: bool, has_others: bool) -> Result<(), DecodeError> {
        let Some(worst) = self.faults.iter().find(|fault| fault.approach == Approach::TreatAsWithdraw) else {
            return Ok(());
        };
        // RFC 7606 section 5.2: without prefixes, who knows whether those that were meant have been found?
        if has_others && !has_reach {
            return Err(worst.error.clone());
        }
        for reach in std::mem::take(&mut self.reach) {
            self.put_unreach(reach.family, reach.nlri);
        }
        self.unreach.sort_unstable_by_key(|unreach| unreach.family);
        self.attributes = Attributes::default();
        Ok(())
    }

    fn fault(&mut self, error: DecodeError) {
        self.faults.push(Fault { approach: Approach::TreatAsWithdraw, error });
    }

    /// The prefixes of the NLRI field.
    fn advertise_classic(
        &mut self,
        next_hop: Option<(std::net::Ipv4Addr, Vec<u8>)>,
        nlri: Vec<Nlri>,
        context: &Context,
    ) {
        let family = Family::Ipv4;
        if !context.accepts(family) {
            self.ignored.push((family.afi(), family.safi()));
            return;
        }
        let next_hop = match next_hop {
            Some((address, raw)) => {
                let next_hop = NextHop::V4(address);
                if !next_hop.is_host() {
                    // RFC 4271 section 6.3, RFC 7606 section 3 (e).
                    self.fault(DecodeError::InvalidNextHop(raw));
                }
                next_hop
            }
            None => {
                // RFC 7606 section 3 (d): mandatory beside the NLRI field. The malformed one has been reported.
                if !self.faults.iter().any(|fault| fault.approach == Approach::TreatAsWithdraw) {
                    self.fault(DecodeError::MissingWellKnown(kind::NEXT_HOP));
                }
                NextHop::V4(std::net::Ipv4Addr::UNSPECIFIED)
            }
        };
        self.reach.push(Reach { family, next_hop, nlri });
    }

    /// The prefixes of a field or attribute that withdraws.
    fn withdraw(&mut self, family: Family, nlri: Vec<Nlri>, context: &Context) {
        if nlri.is_empty() {
            return;
        }
        if context.accepts(family) {
            self.put_unreach(family, nlri);
        } else {
            self.ignored.push((family.afi(), family.safi()));
        }
    }

    fn put_unreach(&mut self, family: Family, nlri: Vec<Nlri>) {
        match self.unreach.iter_mut().find(|unreach| unreach.family == family) {
            Some(unreach) => unreach.nlri.extend(nlri),
            None => self.unreach.push(Unreach { family, nlri }),
        }
    }

    fn end(&mut self, family: Family, context: &Context) {
        if context.accepts(family) {
            self.end_of_rib = Some(family);
        } else {
            self.ignored.push((family.afi(), family.safi()));
        }
    }
}

/// The first mandatory attribute that is missing. LOCAL_PREF is none in RFC 4271 section 5; a route of an internal peer
/// without it has no preference.
fn missing(attributes: &Attributes) -> Option<u8> {
    if attributes.origin.is_none() {
        Some(kind::ORIGIN)
    } else if attributes.as_path.is_none() {
        Some(kind::AS_PATH)
    } else {
        None
    }
}

/// The family in front of a multiprotocol value.
fn family(reader: &mut Reader<'_>, context: &Context) -> Option<Multiprotocol<Family>> {
    let (afi, safi) = (reader.u16()?, reader.u8()?);
    let family = Family::from_afi_safi(afi, safi).filter(|family| context.accepts(*family));
    Some(family.map_or(Multiprotocol::Ignored(afi, safi), Multiprotocol::Of))
}

/// RFC 7606 section 5.3: what cannot be read here ends the session.
fn mp_unreach(found: &Found<'_>, context: &Context) -> Result<Multiprotocol<Unreach>, DecodeError> {
    let read = || {
        let mut reader = Reader::new(found.value);
        Some(match family(&mut reader, context)? {
            Multiprotocol::Ignored(afi, safi) => Multiprotocol::Ignored(afi, safi),
            Multiprotocol::Of(family) => {
                let path_ids = PathIds::of(context.add_path_receive, family);
                Multiprotocol::Of(Unreach {
                    family,
                    nlri: Nlri::decode_all(reader.rest(), family, path_ids)?,
                })
            }
        })
    };
    read().ok_or_else(|| DecodeError::OptionalAttribute(found.raw()))
}

/// RFC 7606 sections 5.3 and 7.11: what cannot be read here ends the session.
fn mp_reach(found: &Found<'_>, context: &Context) -> Result<Multiprotocol<Reach>, DecodeError> {
    let read = || {
        let mut reader = Reader::new(found.value);
        Some(match family(&mut reader, context)? {
            // RFC 7606 section 5.3: five octets are the least.
            Multiprotocol::Ignored(afi, safi) if reader.rest().len() >= 2 => {
                Multiprotocol::Ignored(afi, safi)
            }
            Multiprotocol::Ignored(..) => return None,
            Multiprotocol::Of(family) => {
                let length = reader.u8()?;
                let next_hop = NextHop::decode(reader.take(usize::from(length))?)?;
                let _reserved = reader.u8()?;
                let path_ids = PathIds::of(context.add_path_receive, family);
                let reach =
                    Reach { family, next_hop, nlri: Nlri::decode_all(reader.rest(), family, path_ids)? };
                Multiprotocol::Of(Some(reach).filter(|reach| super::encode::may_have(reach, context))?)
            }
        })
    };
    read().ok_or_else(|| DecodeError::OptionalAttribute(found.raw()))
}
