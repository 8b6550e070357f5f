//! Each object by itself, then what they say of each other.

use std::collections::{BTreeMap, BTreeSet};

use guideway_controller_crds::fields::Fate;
use guideway_controller_crds::metallb::{CommunityName, PasswordSource, requested_addresses};
use guideway_controller_crds::{
    ANNOTATION_PREFIXES, ANNOTATIONS, AddressRange, FOREIGN_KINDS, FieldError, FieldNote, Foreign, Kind,
    Resource, parse,
};
use serde_json::Value;

/// What becomes of everything.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// In the order in which they were read.
    pub(super) items: Vec<Item>,
    /// Objects that have nothing to do with MetalLB.
    pub(super) left_out: usize,
}

/// What becomes of an object.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) errors: Vec<FieldError>,
    pub(super) notes: Vec<FieldNote>,
    ignored: bool,
    resource: Option<Resource>,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    CarriesOver,
    WithNotes,
    Ignored,
    Refused,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::CarriesOver => "carries over",
            Self::WithNotes => "with notes",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}

impl Item {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self { errors, .. } if !errors.is_empty() => Verdict::Refused,
            Self { ignored: true, .. } => Verdict::Ignored,
            Self { notes, .. } if !notes.is_empty() => Verdict::WithNotes,
            _ => Verdict::CarriesOver,
        }
    }

    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.notes.push(FieldNote { place: place.into(), text: text.into() });
    }
}

impl Report {
    pub(super) fn of(objects: &[Value]) -> Self {
        let mut report = Self::default();
        for object in objects {
            match item(object) {
                Some(item) => report.items.push(item),
                None => report.left_out += 1,
            }
        }
        report.check_pools();
        report.check_references();
        report
    }

    pub(super) fn is_ok(&self) -> bool {
        self.items.iter().all(|item| item.errors.is_empty())
    }

    /// An address of two pools could be given to two Services.
    fn check_pools(&mut self) {
        let mut ranges: Vec<(AddressRange, usize, usize)> = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            if let Some(Resource::IpAddressPool(pool)) = &item.resource {
                ranges.extend(pool.addresses.iter().enumerate().map(|(index, range)| (*range, at, index)));
            }
        }
        ranges.sort_unstable();
        let mut reach: Option<(AddressRange, usize)> = None;
        for (range, at, index) in ranges {
            match reach {
                Some((earlier, other)) if other != at && earlier.meets(&range) => {
                    let name = self.items.get(other).map_or("", |item| &item.name).to_owned();
                    if let Some(item) = self.items.get_mut(at) {
                        item.errors.push(FieldError {
                            place: format!("spec.addresses[{index}]"),
                            problem: format!("has addresses in common with the pool {name}"),
                            remedy: "leave each address in one pool only".to_owned(),
                        });
                    }
                    if range.last() > earlier.last() {
                        reach = Some((range, at));
                    }
                }
                Some((earlier, _)) if earlier.meets(&range) && earlier.last() >= range.last() => {}
                _ => reach = Some((range, at)),
            }
        }
    }

    /// Names that lead nowhere are no error: what they name may come from another file.
    fn check_references(&mut self) {
        let mut names: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        let mut aliases: BTreeSet<String> = BTreeSet::new();
        for item in &self.items {
            if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == item.kind) {
                names.entry(kind).or_default().insert(item.name.clone());
            }
            if let Some(Resource::Community(community)) = &item.resource {
                aliases.extend(community.aliases.iter().map(|(name, _)| name.clone()));
            }
        }
        let is_there = |kind: Kind, name: &str| names.get(&kind).is_some_and(|names| names.contains(name));
        for item in &mut self.items {
            let Some(resource) = item.resource.take() else { continue };
            let missing = |kind: Kind, name: &str| format!("there is no {} {name} here", kind.as_str());
            match &resource {
                Resource::BgpPeer(peer) => {
                    if let Some(profile) =
                        peer.bfd_profile.as_deref().filter(|name| !is_there(Kind::BfdProfile, name))
                    {
                        item.note("spec.bfdProfile", missing(Kind::BfdProfile, profile));
                    }
                    if let Some(PasswordSource::Secret { name, .. }) = &peer.password {
                        item.note(
                            "spec.passwordSecret",
                            format!("copy the Secret {name} into the namespace of the controller"),
                        );
                    }
                }
                Resource::BgpAdvertisement(bgp) => {
                    for pool in bgp.pools.iter().filter(|name| !is_there(Kind::IpAddressPool, name)) {
                        item.note("spec.ipAddressPools", missing(Kind::IpAddressPool, pool));
                    }
                    for peer in bgp.peers.iter().filter(|name| !is_there(Kind::BgpPeer, name)) {
                        item.note("spec.peers", missing(Kind::BgpPeer, peer));
                    }
                    for community in &bgp.communities {
                        if let CommunityName::Alias(alias) = community
                            && !aliases.contains(alias)
                        {
                            item.note("spec.communities", format!("no Community here has the name {alias}"));
                        }
                    }
                }
                Resource::L2Advertisement(l2) => {
                    for pool in l2.pools.iter().filter(|name| !is_there(Kind::IpAddressPool, name)) {
                        item.note("spec.ipAddressPools", missing(Kind::IpAddressPool, pool));
                    }
                }
                _ => {}
            }
            item.resource = Some(resource);
        }
    }
}

/// `None`: it has nothing to do with MetalLB.
fn item(object: &Value) -> Option<Item> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = object.get("metadata");
    let of_metadata = |name: &str| text(metadata.and_then(|metadata| metadata.get(name)));
    let mut item = Item {
        kind: text(object.get("kind")),
        namespace: of_metadata("namespace"),
        name: of_metadata("name"),
        ..Item::default()
    };
    let api_version = text(object.get("apiVersion"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if item.kind == "Service" && group.is_empty() {
        return service(object, item);
    }
    if !(group == "metallb.io" || group.ends_with(".metallb.io")) {
        return None;
    }
    if let Some(foreign) = FOREIGN_KINDS.iter().find(|foreign| foreign.name == item.kind) {
        judge(&mut item, "kind", foreign);
        return Some(item);
    }
    match parse(object) {
        Ok(parsed) => {
            item.notes = parsed.notes;
            match parsed.resource {
                Ok(resource) => item.resource = Some(resource),
                Err(errors) => item.errors = errors,
            }
        }
        Err(error) => item.errors.push(error),
    }
    Some(item)
}

/// Annotations of a Service with an address; `None` for the others.
fn service(object: &Value, mut item: Item) -> Option<Item> {
    if object.pointer("/spec/type").and_then(Value::as_str) != Some("LoadBalancer") {
        return None;
    }
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let mut found = false;
    for (key, value) in annotations.into_iter().flatten() {
        let Some(name) = ANNOTATION_PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) else {
            continue;
        };
        found = true;
        let place = format!("metadata.annotations.{key}");
        match ANNOTATIONS.iter().find(|annotation| annotation.name == name) {
            Some(annotation) => judge_field(&mut item, &place, annotation.fate),
            None => item.note(&place, "unknown annotation, without effect"),
        }
        if name == "loadBalancerIPs" {
            ask(&mut item, &place, value);
        }
    }
    let asked = object.pointer("/spec/loadBalancerIP").filter(|address| address.as_str() != Some(""));
    if let Some(address) = asked {
        ask(&mut item, "spec.loadBalancerIP", address);
    }
    let asks = asked.is_some();
    let class = object.pointer("/spec/loadBalancerClass").and_then(Value::as_str);
    if class.is_some_and(|class| class.contains("metallb")) {
        item.note(
            "spec.loadBalancerClass",
            "cannot be changed: make the Service anew, or name the class in the Cluster",
        );
    }
    (found || asks || class.is_some()).then_some(item)
}

/// A request for addresses that cannot be met gets none.
fn ask(item: &mut Item, place: &str, value: &Value) {
    item.errors.extend(requested_addresses(place, value.as_str().unwrap_or_default()).err());
}

/// What becomes of a whole object.
fn judge(item: &mut Item, place: &str, foreign: &Foreign) {
    item.ignored = matches!(foreign.fate, Fate::Ignored(_));
    judge_field(item, place, foreign.fate);
}

fn judge_field(item: &mut Item, place: &str, fate: Fate) {
    match fate {
        Fate::Carries => {}
        Fate::Differs(text) => item.note(place, text),
        Fate::Ignored(text) => item.note(place, format!("without effect: {text}")),
        Fate::Refused(text) => item.errors.push(FieldError {
            place: place.to_owned(),
            problem: "is not supported".to_owned(),
            remedy: text.to_owned(),
        }),
    }
}
