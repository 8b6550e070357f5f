//! Arrays that lie in memory shared by programs and agent.
//!
//! An `ARRAY` with one element can be addressed by a program without a lookup, and mapped by userspace. So an array that
//! nearly all packets read is made as one element which holds all of its elements, one after the other. The object defines it
//! as it defines any array; who loads the object makes such a map of it and puts two things into the instructions:
//!
//! - where they load the map's address, that of its memory (`BPF_PSEUDO_MAP_VALUE`);
//! - where they load [`elements_placeholder`], the number of elements.

use crate::{ACTIVE, BACKENDS, HEADERS, LINKS, NODE, ROUTES, SETS, VIP4_BUCKETS, VIP6_BUCKETS};

/// The arrays in shared memory. All have `BPF_F_MMAPABLE`.
pub const SHARED: [&str; 9] =
    [ACTIVE, HEADERS, VIP4_BUCKETS, VIP6_BUCKETS, SETS, BACKENDS, ROUTES, NODE, LINKS];

/// No constant of a program is this large.
const MARK: u64 = 0x6775_6964_0000_0000;

/// What stands in the instructions of an object for the number of elements of an array of [`SHARED`]; of any other
/// name it does not compile, or panics.
#[must_use]
#[allow(clippy::panic, clippy::indexing_slicing)] // at compile time
pub const fn elements_placeholder(map: &str) -> u64 {
    let mut at = 0;
    while at < SHARED.len() {
        if equal(SHARED[at].as_bytes(), map.as_bytes()) {
            return MARK | at as u64;
        }
        at += 1;
    }
    panic!("not an array in shared memory")
}

#[allow(clippy::indexing_slicing)] // both are as long
const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
