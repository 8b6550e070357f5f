//! How the parser sees a packet.

/// A packet of which `N` bytes at an offset can be looked at, when they are there.
///
/// For XDP this is the packet between `data` and `data_end`; for tests and fuzzers it is a slice.
pub trait Frame {
    /// The `N` bytes from `offset`; `None` when the packet ends before their end.
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]>;

    /// Whether the packet has at least `len` bytes, those included that [`Frame::view`] cannot show (XDP fragments).
    fn reaches(&self, len: usize) -> bool;

    /// An offset to which several ways lead, less than `bound`, a power of two.
    ///
    /// For XDP the verifier forgets here by which way it came, since it would walk on from here once for each.
    #[inline(always)]
    fn meet(&self, offset: usize, bound: usize) -> usize {
        offset & (bound - 1)
    }
}

impl Frame for [u8] {
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]> {
        self.get(offset..)?.first_chunk()
    }

    fn reaches(&self, len: usize) -> bool {
        self.len() >= len
    }
}
