//! Loading the programs of an object into the kernel, on maps that are there.
//!
//! `aya` reads the object and links its functions. What it does not do is the arrays in shared memory (see
//! [`guideway_abi::SHARED`]): it would make such maps anew, or write zeros into those that are pinned.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use aya_obj::generated::{BPF_DW, BPF_IMM, BPF_LD, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, bpf_insn};
use aya_obj::{EbpfSectionKind, ParseError, ProgramSection, relocation};
use guideway_abi::{SHARED, elements_placeholder};

use crate::install::Maps;
use crate::object::MapDefinition;
use crate::sys::{self, MapRef, ProgramType};

/// A program could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The object is none.
    #[error("the compiled program cannot be read")]
    Unreadable(#[from] ParseError),
    /// It refers to something that is not there.
    #[error("the compiled program cannot be linked")]
    Unlinked(#[from] relocation::EbpfRelocationError),
    /// A program is missing, or of a type that is not used.
    #[error("the compiled object has no program {0}")]
    NoProgram(&'static str),
    /// It has variables.
    #[error("the compiled object has a section {0}, which nobody would fill")]
    Variables(String),
    /// A map that is the program's own cannot be made.
    #[error("cannot make map {map}; {NEEDED}, and memory")]
    Map {
        /// Its name.
        map: String,
        /// Why.
        source: io::Error,
    },
    /// The kernel says no.
    #[error("the kernel refuses it{}", refusal(.source, .log))]
    Refused {
        /// As it says.
        source: io::Error,
        /// The verifier's last words; empty if it was not asked.
        log: String,
    },
}

fn refusal(source: &io::Error, log: &str) -> String {
    if source.raw_os_error() == Some(libc::EPERM) {
        return format!("; {NEEDED}");
    }
    if log.is_empty() { String::new() } else { format!("; the verifier's last words ({NEEDED}):\n{log}") }
}

/// Without `CAP_PERFMON` the verifier has other rules.
const NEEDED: &str = "root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, is needed";

/// Loads the programs `names` of an object. Maps that are not in `maps` are made: they go with the programs.
pub(crate) fn programs(
    object: &[u8],
    maps: &Maps,
    definitions: &BTreeMap<&'static str, MapDefinition>,
    names: &[&'static str],
) -> Result<BTreeMap<&'static str, OwnedFd>, LoadError> {
    let mut object = aya_obj::Object::parse(object)?;
    let (mut found, mut made) = (Vec::new(), Vec::new());
    for (name, map) in std::mem::take(&mut object.maps) {
        let descriptor = if let Some(pinned) = maps.get(name.as_str()) {
            pinned.as_fd().as_raw_fd()
        } else {
            let own = own_map(&name, &map)?;
            let descriptor = own.as_fd().as_raw_fd();
            made.push(own);
            descriptor
        };
        found.push((name, descriptor, map));
    }
    let text: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
    object.relocate_maps(found.iter().map(|(name, fd, map)| (name.as_str(), *fd, map)), &text)?;
    object.relocate_calls(&text)?;

    let shared = Shared::new(maps, definitions);
    names
        .iter()
        .map(|name| {
            let program = object.programs.get(*name).ok_or(LoadError::NoProgram(name))?;
            let program_type = match program.section {
                ProgramSection::Xdp { frags, .. } => ProgramType::Xdp { frags },
                ProgramSection::SchedClassifier => ProgramType::SchedClassifier,
                _ => return Err(LoadError::NoProgram(name)),
            };
            let key = program.function_key();
            let function = object.functions.get_mut(&key).ok_or(LoadError::NoProgram(name))?;
            shared.put_into(&mut function.instructions);
            let program = sys::load_program(name, program_type, &program.license, &function.instructions)
                .map_err(|sys::Refusal { source, log }| LoadError::Refused { source, log })?;
            Ok((*name, program))
        })
        .collect()
}

fn own_map(name: &str, map: &aya_obj::Map) -> Result<MapRef, LoadError> {
    if map.section_kind() != EbpfSectionKind::BtfMaps {
        return Err(LoadError::Variables(name.to_owned()));
    }
    sys::create_map(
        name,
        map.map_type(),
        map.key_size(),
        map.value_size(),
        map.max_entries(),
        map.map_flags(),
    )
    .map_err(|source| LoadError::Map { map: name.to_owned(), source })
}

/// What the loader puts into the instructions for the arrays in shared memory.
struct Shared {
    descriptors: HashSet<RawFd>,
    /// By [`elements_placeholder`].
    elements: BTreeMap<u64, u32>,
}

impl Shared {
    fn new(maps: &Maps, definitions: &BTreeMap<&'static str, MapDefinition>) -> Self {
        let of = |name: &&'static str| Some((*name, maps.get(name)?, definitions.get(name)?));
        let shared: Vec<_> = SHARED.iter().filter_map(of).collect();
        Self {
            descriptors: shared.iter().map(|(_, map, _)| map.as_fd().as_raw_fd()).collect(),
            elements: shared
                .iter()
                .map(|(name, _, definition)| (elements_placeholder(name), definition.elements))
                .collect(),
        }
    }

    #[allow(clippy::cast_possible_truncation)] // four bits of an instruction
    fn put_into(&self, instructions: &mut [bpf_insn]) {
        let mut rest = instructions;
        while let [first, second, ..] = rest {
            if u32::from(first.code) != BPF_LD | BPF_IMM | BPF_DW {
                rest = &mut rest[1..];
                continue;
            }
            let constant = u64::from(first.imm.cast_unsigned()) | u64::from(second.imm.cast_unsigned()) << 32;
            if u32::from(first.src_reg()) == BPF_PSEUDO_MAP_FD && self.descriptors.contains(&first.imm) {
                first.set_src_reg(BPF_PSEUDO_MAP_VALUE as u8);
                second.imm = 0;
            } else if let (0, Some(elements)) = (first.src_reg(), self.elements.get(&constant)) {
                (first.imm, second.imm) = (elements.cast_signed(), 0);
            }
            rest = &mut rest[2..];
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // fields of instructions
mod tests {
    use super::*;

    const DESCRIPTOR: RawFd = 5;

    fn shared() -> Shared {
        let elements = [(elements_placeholder(guideway_abi::SETS), 77)].into();
        Shared { descriptors: [DESCRIPTOR].into(), elements }
    }

    /// `register = constant`, in two instructions.
    fn load(source_register: u32, constant: u64) -> [bpf_insn; 2] {
        let half = |code: u32, source_register, imm| bpf_insn {
            code: code as u8,
            _bitfield_align_1: [],
            _bitfield_1: bpf_insn::new_bitfield_1(1, source_register),
            off: 0,
            imm,
        };
        let first = half(BPF_LD | BPF_IMM | BPF_DW, source_register as u8, constant as i32);
        [first, half(0, 0, (constant >> 32) as i32)]
    }

    fn seen(instructions: &[bpf_insn]) -> Vec<(u8, i32)> {
        instructions.iter().map(|instruction| (instruction.src_reg(), instruction.imm)).collect()
    }

    #[test]
    fn addresses_and_numbers_of_elements_are_put_in() {
        let sets = elements_placeholder(guideway_abi::SETS);
        let mut instructions = [
            load(BPF_PSEUDO_MAP_FD, DESCRIPTOR as u64),
            load(BPF_PSEUDO_MAP_FD, DESCRIPTOR as u64 + 1),
            load(0, sets),
            load(0, DESCRIPTOR as u64),
            load(0, elements_placeholder(guideway_abi::LINKS)),
        ]
        .concat();
        let before = seen(&instructions);
        shared().put_into(&mut instructions);
        let after = seen(&instructions);
        assert_eq!(after[..2], [(BPF_PSEUDO_MAP_VALUE as u8, DESCRIPTOR), (0, 0)]);
        assert_eq!(after[2..4], before[2..4], "a map that is not shared");
        assert_eq!(after[4..6], [(0, 77), (0, 0)]);
        assert_eq!(after[6..], before[6..], "other constants");
    }

    #[test]
    fn the_second_half_of_a_load_is_no_instruction() {
        let mut instructions = load(0, 1).to_vec();
        // What would be a load if it stood by itself, and one instruction too few.
        instructions[1].code = (BPF_LD | BPF_IMM | BPF_DW) as u8;
        instructions.push(load(BPF_PSEUDO_MAP_FD, DESCRIPTOR as u64)[0]);
        let before = seen(&instructions);
        shared().put_into(&mut instructions);
        assert_eq!(seen(&instructions), before);
    }

    #[test]
    fn a_refusal_says_what_is_needed_and_what_the_verifier_said() {
        let refused = |number, log: &str| LoadError::Refused {
            source: io::Error::from_raw_os_error(number),
            log: log.to_owned(),
        };
        let text = refused(libc::EPERM, "").to_string();
        assert!(text.ends_with("; root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, is needed"), "{text}");
        let text = refused(libc::EACCES, "R1 is bad").to_string();
        assert!(text.contains("CAP_PERFMON") && text.ends_with("R1 is bad"), "{text}");
        assert_eq!(refused(libc::EINVAL, "").to_string(), "the kernel refuses it");
    }
}
