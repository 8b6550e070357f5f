//! From the tree to a [`Config`]: one file per section, and the checks across sections.

pub(crate) mod affinity;
pub(crate) mod backend_sets;
pub(crate) mod capacity;
mod controller;
pub(crate) mod health_check;
pub(crate) mod node;
pub(crate) mod overlap;
pub(crate) mod sources;
pub(crate) mod vips;

use crate::config::{Config, MAX_FILE_BYTES};
use crate::error::{ConfigErrors, Problem};
use crate::read::{FieldNames, Fields};
use crate::sink::{Path, Position, Sink};
use crate::tree::{self, Node};
use crate::types::{NextHop, Seed};
use crate::units;

const ROOT_FIELDS: FieldNames = &[
    "seed",
    "interfaces",
    "next_hop",
    "encapsulation",
    "limits",
    "admin",
    "metrics",
    "controller",
    "backend_sets",
    "vips",
    "pools",
];

/// The fields of every map, with the map's path: for the test that the reference names them all.
#[cfg(test)]
pub(crate) const ALL_FIELDS: &[(&str, FieldNames)] = &[
    ("", ROOT_FIELDS),
    ("interfaces[]", node::INTERFACE_FIELDS),
    ("next_hop", node::NEXT_HOP_FIELDS),
    ("encapsulation", node::ENCAPSULATION_FIELDS),
    ("limits", node::LIMITS_FIELDS),
    ("admin", node::ADMIN_FIELDS),
    ("metrics", node::METRICS_FIELDS),
    ("controller", controller::FIELDS),
    ("backend_sets[]", backend_sets::SET_FIELDS),
    ("backend_sets[].health_check", health_check::FIELDS),
    ("backend_sets[].backends[]", backend_sets::BACKEND_FIELDS),
    ("vips[]", vips::FIELDS),
    ("vips[].affinity", affinity::FIELDS),
];

pub(crate) fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Config, ConfigErrors> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(file, text),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            let at = Position {
                line: before.iter().filter(|b| **b == b'\n').count() + 1,
                column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
            };
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            Err(whole_file(file, at, &format!("the byte 0x{byte:02x} is not UTF-8: save the file as UTF-8")))
        }
    }
}

pub(crate) fn parse(file: &str, text: &str) -> Result<Config, ConfigErrors> {
    if text.len() > MAX_FILE_BYTES {
        let reason = format!("the file has {} bytes: at most {MAX_FILE_BYTES} are read", text.len());
        return Err(whole_file(file, Position::START, &reason));
    }
    let mut sink = Sink::new(file);
    let config = tree::read(text, &mut sink).ok().and_then(|root| root_fields(&root, &mut sink));
    match (config, sink.finish()) {
        (Some(mut config), Ok(warnings)) => {
            config.warnings = warnings;
            Ok(config)
        }
        (_, Err(problems)) => Err(ConfigErrors::new(problems)),
        // No path leads here: what gives no value reports why.
        (None, Ok(_)) => {
            Err(whole_file(file, Position::START, "refused without a reason: please report this as a bug"))
        }
    }
}

/// Every section is read before the first `?`, so that no error hides another.
fn root_fields(root: &Node<'_>, sink: &mut Sink) -> Option<Config> {
    let path = &Path::Root;
    let fields = Fields::open(root, ROOT_FIELDS, path, sink)?;
    let controller = controller::read(&fields, sink);
    let seed = match fields.node("controller") {
        Some(_) => Some(Seed::new([0; 16])),
        None => fields.required("seed", units::seed, path, sink),
    };
    let interfaces = node::interfaces(&fields, sink);
    let next_hop = node::next_hop(&fields, sink);
    let encapsulation = node::encapsulation(&fields, sink);
    let limits = node::limits(&fields, sink);
    let admin = node::admin(&fields, sink);
    let metrics = node::metrics(&fields, sink);
    let default = encapsulation.as_ref().map(|encapsulation| encapsulation.kind);
    let sets = backend_sets::read(&fields, default, sink);
    if matches!(next_hop, Some(NextHop::Fixed { .. })) {
        backend_sets::check_next_hop(&sets, sink);
    }
    let vips = match fields.node("controller") {
        Some(_) => Some(Vec::new()),
        None => vips::read(&fields, &sets, sink),
    };
    let pools = vips::pools(&fields, &sets, sink);
    if let (Some(limits), Some(vips)) = (&limits, &vips) {
        capacity::check(&fields, limits, &sets, vips, sink);
    }
    Some(Config {
        seed: seed?,
        interfaces: interfaces?,
        next_hop: next_hop?,
        encapsulation: encapsulation?,
        limits: limits?,
        admin: admin?,
        metrics: metrics?,
        controller: controller?,
        backend_sets: sets.finish()?,
        vips: vips?,
        pools: pools?,
        warnings: Vec::new(),
    })
}

fn whole_file(file: &str, at: Position, reason: &str) -> ConfigErrors {
    ConfigErrors::new(vec![Problem {
        file: file.into(),
        line: at.line,
        column: at.column,
        field: String::new(),
        reason: reason.to_owned(),
    }])
}
