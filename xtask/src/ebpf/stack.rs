//! What the programs take of the stack, by the rule of the oldest kernel that they are for.
//!
//! A program and the functions that it calls share 512 bytes. Linux 6.1 counts each frame in steps of 32 bytes, later
//! kernels in steps of 16: a program can be too large for the one and load on the other, on which it was written.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use object::elf::{R_BPF_64_32, STT_FUNC};
use object::read::elf::ElfFile64;
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionIndex,
};

/// What all frames of a chain of calls may take, in bytes.
const STACK: u32 = 512;
/// Frames are counted in these steps, in bytes.
const STEP: u32 = 32;
/// Frames of a chain.
const FRAMES: usize = 8;

const INSTRUCTION: usize = 8;
const CALL: u8 = 0x85;
/// The source register of a call of another function of the program.
const PSEUDO_CALL: u8 = 1;
const MOVE: u8 = 0xbf;
const ADD: u8 = 0x07;
const FRAME_POINTER: u8 = 10;

/// A function of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Function {
    name: String,
    /// Bytes below its frame pointer.
    depth: u32,
    /// Where the functions that it calls begin.
    calls: Vec<Place>,
}

/// Where a function begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    section: usize,
    offset: u64,
}

/// The most that a chain of calls takes, or an error that names a chain which takes too much.
pub(super) fn check(object: &[u8]) -> Result<u32> {
    let functions = functions(object)?;
    let mut most = 0;
    for place in functions.keys() {
        most = most.max(deepest(&functions, *place, &mut Vec::new(), 0)?);
    }
    Ok(most)
}

fn deepest(
    functions: &BTreeMap<Place, Function>,
    place: Place,
    chain: &mut Vec<Place>,
    above: u32,
) -> Result<u32> {
    let function = functions.get(&place).context("a call leads to no function")?;
    chain.push(place);
    let total = above + function.depth.max(1).next_multiple_of(STEP);
    if total > STACK || chain.len() > FRAMES {
        let names: Vec<String> = chain
            .iter()
            .map(|place| format!("{} ({})", functions[place].name, functions[place].depth))
            .collect();
        bail!(
            "{total} bytes of stack and {} frames, of which Linux 6.1 has {STACK} and {FRAMES}: {}",
            chain.len(),
            names.join(" calls ")
        );
    }
    let mut most = total;
    for call in &function.calls {
        most = most.max(deepest(functions, *call, chain, total)?);
    }
    chain.pop();
    Ok(most)
}

fn functions(object: &[u8]) -> Result<BTreeMap<Place, Function>> {
    let file: ElfFile64<'_> = ElfFile64::parse(object).context("this is no ELF object")?;
    let mut functions = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.elf_symbol().st_type() == STT_FUNC) {
        let Some(SectionIndex(section)) = symbol.section_index() else { continue };
        let code = file.section_by_index(SectionIndex(section))?;
        let at = usize::try_from(symbol.address())?;
        let end = at + usize::try_from(symbol.size())?;
        let bytes = code.data()?.get(at..end).context("a function is outside of its section")?;
        let mut relocated = BTreeMap::new();
        for (offset, relocation) in code.relocations() {
            if relocation.flags() == (RelocationFlags::Elf { r_type: R_BPF_64_32 })
                && let RelocationTarget::Symbol(target) = relocation.target()
            {
                relocated.insert(offset, target);
            }
        }
        let mut function = frame(bytes);
        function.name = symbol.name()?.to_owned();
        for (index, instruction) in bytes.chunks_exact(INSTRUCTION).enumerate() {
            if instruction[0] != CALL || instruction[1] >> 4 != PSEUDO_CALL {
                continue;
            }
            let offset = symbol.address() + (index * INSTRUCTION) as u64;
            let immediate = i64::from(i32::from_le_bytes([
                instruction[4],
                instruction[5],
                instruction[6],
                instruction[7],
            ]));
            let after = |from: u64| {
                from.checked_add_signed((immediate + 1) * INSTRUCTION as i64).context("a call leads nowhere")
            };
            function.calls.push(match relocated.get(&offset) {
                // To a symbol, or to a place in the section whose symbol it is.
                Some(target) => {
                    let target = file.symbol_by_index(*target)?;
                    let SectionIndex(section) = target.section_index().context("a call leaves the object")?;
                    let is_function = target.elf_symbol().st_type() == STT_FUNC;
                    let offset = if is_function { target.address() } else { after(0)? };
                    Place { section, offset }
                }
                None => Place { section, offset: after(offset)? },
            });
        }
        functions.insert(Place { section, offset: symbol.address() }, function);
    }
    ensure!(!functions.is_empty(), "the object has no functions");
    Ok(functions)
}

/// How far below its frame pointer a function reaches: directly, or by an address that it computes from it.
fn frame(bytes: &[u8]) -> Function {
    const LOAD: u8 = 1;
    const STORE: u8 = 2;
    const STORE_REGISTER: u8 = 3;
    let mut depth = 0;
    let mut copy = None;
    for instruction in bytes.chunks_exact(INSTRUCTION) {
        let (code, registers) = (instruction[0], instruction[1]);
        let (to, from) = (registers & 0xf, registers >> 4);
        let offset = i32::from(i16::from_le_bytes([instruction[2], instruction[3]]));
        let immediate = i32::from_le_bytes([instruction[4], instruction[5], instruction[6], instruction[7]]);
        let reached = match code & 0x7 {
            LOAD if from == FRAME_POINTER => offset,
            STORE | STORE_REGISTER if to == FRAME_POINTER => offset,
            _ if code == ADD && copy == Some(to) => immediate,
            _ => 0,
        };
        depth = depth.max(reached.min(0).unsigned_abs());
        copy = (code == MOVE && from == FRAME_POINTER).then_some(to);
    }
    Function { depth, ..Function::default() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn function(depth: u32, calls: &[u64]) -> Function {
        let calls = calls.iter().map(|offset| Place { section: 1, offset: *offset }).collect();
        Function { name: format!("f{depth}"), depth, calls }
    }

    fn most(functions: &[Function]) -> Result<u32> {
        let functions: BTreeMap<Place, Function> =
            (0..).zip(functions).map(|(offset, f)| (Place { section: 1, offset }, f.clone())).collect();
        deepest(&functions, Place { section: 1, offset: 0 }, &mut Vec::new(), 0)
    }

    #[test]
    fn each_frame_is_counted_in_steps() {
        assert_eq!(most(&[function(0, &[])]).unwrap(), 32);
        assert_eq!(
            most(&[function(136, &[1, 2]), function(1, &[]), function(152, &[3]), function(184, &[])])
                .unwrap(),
            512
        );
        let error = most(&[function(136, &[1]), function(168, &[2]), function(184, &[])]).unwrap_err();
        assert!(error.to_string().contains("544 bytes of stack"), "{error}");
        assert!(error.to_string().contains("f136 (136) calls f168 (168) calls f184 (184)"), "{error}");
        let endless = most(&[function(0, &[0])]).unwrap_err();
        assert!(endless.to_string().contains("9 frames"), "{endless}");
    }

    #[test]
    fn a_frame_is_as_deep_as_it_is_reached() {
        // *(u64 *)(r10 - 8) = r1; r2 = r10; r2 += -40; r3 = *(u64 *)(r2 - 100)
        let code = [
            [0x7b, 0x1a, 0xf8, 0xff, 0, 0, 0, 0],
            [0xbf, 0xa2, 0, 0, 0, 0, 0, 0],
            [0x07, 0x02, 0, 0, 0xd8, 0xff, 0xff, 0xff],
            [0x79, 0x23, 0x9c, 0xff, 0, 0, 0, 0],
        ];
        assert_eq!(frame(&code.concat()).depth, 40);
        assert_eq!(frame(&[]).depth, 0);
    }

    #[test]
    fn the_committed_programs_fit() {
        for program in crate::ebpf::PROGRAMS {
            let object = std::fs::read(program.object()).unwrap();
            let most = check(&object).unwrap_or_else(|error| panic!("{}: {error}", program.name));
            assert!((STEP..=STACK).contains(&most), "{}: {most}", program.name);
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(check(b"no ELF").is_err());
    }
}
