//! How the parser sees a packet.

/// A packet of which `N` bytes at an offset can be looked at, when they are there.
///
/// For XDP this is the packet between `data` and `data_end`; for tests and fuzzers it is a slice.
pub trait Frame {
    /// The `N` bytes from `offset`; `None` when the packet ends before their end.
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]>;

    /// Whether the packet has at least `len` bytes, those included that [`Frame::view`] cannot show (XDP fragments).
    fn reaches(&self, len: usize) -> bool;
}

impl Frame for [u8] {
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]> {
        self.get(offset..)?.first_chunk()
    }

    fn reaches(&self, len: usize) -> bool {
        self.len() >= len
    }
}
