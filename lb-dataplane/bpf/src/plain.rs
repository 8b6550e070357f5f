//! Plain data: structures of the ABI as bytes and back.

use guideway_abi::{
    BackendRecord, BackendStates, DecapFlow, DecapFlowKey, DecapGlobal, DecapService, DecapServiceKey,
    DecapTarget, FlowBucket, GenerationHeader, LinkRecord, MetaRecord, PortInterval, Prefix4, Prefix6,
    SetRecord, SourceBorder, TableMeta, TrafficStats, Vip4Bucket, Vip6Bucket, VipRecord,
};

/// A type whose values are their bytes.
///
/// # Safety
///
/// No padding, every bit pattern valid, no pointer or reference inside.
pub(crate) unsafe trait Plain: Copy + Default + PartialEq + 'static {}

// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for u16 {}
// SAFETY: integers.
unsafe impl Plain for u64 {}

/// The fields of a structure fill it: what the check below cannot see, it would not compile with.
macro_rules! plain {
    ($($type:ty = $($size:expr),+;)*) => {
        $(
            const _: () = assert!(size_of::<$type>() == 0 $(+ $size)+, "a field was added or there is padding");
            // SAFETY: `#[repr(C)]`, integers and arrays of integers only; their sizes add up to that of the structure
            // (asserted above), so that there is no padding.
            unsafe impl Plain for $type {}
        )*
    };
}

plain! {
    Vip4Bucket = 4 * (4 + 4 + 4 + 2 + 2);
    Vip6Bucket = 2 * (16 + 4 + 4 + 4 + 2 + 2);
    PortInterval = 4, 4, 4 + 2 + 2;
    Prefix4 = 4, 4, 4 + 4;
    Prefix6 = 16, 4 + 4;
    SourceBorder = 16;
    VipRecord = 8, 4, 4, 4, 2, 1, 1, 4, 4;
    SetRecord = 2, 3 * 2, 1, 1, 6;
    GenerationHeader = 8, 8, 7 * 8 + 2 * 4, 7 * 8, 18 * 4, 16, 16, 7 * 8 + 2 * 4;
    BackendRecord = 16, 8, 2, 1, 5;
    BackendStates = 64;
    TableMeta = 16, 8;
    MetaRecord = 6 * 4;
    LinkRecord = 4, 4, 6, 2;
    FlowBucket = 4 * (8 + 8);
    TrafficStats = 8, 8;
    DecapGlobal = 2, 1, 1, 4, 16;
    DecapServiceKey = 16, 16, 2, 1, 5;
    DecapTarget = 16, 2, 6;
    DecapService = 16 + 2 + 6, 1, 1, 1, 5;
    DecapFlowKey = 16, 16, 2, 2, 1, 3;
    DecapFlow = 16, 2, 1, 1, 4, 4, 4;
}

/// The bytes of `values`.
pub(crate) fn bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: the slice's memory is initialised throughout, as `T` has no padding; u8 needs no alignment.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of `values`, to be written.
pub(crate) fn bytes_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: as for `bytes`; and whatever is written, the values stay valid, as every bit pattern is.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

#[cfg(test)]
mod tests {
    use super::{bytes, bytes_mut};
    use guideway_abi::LinkRecord;

    #[test]
    fn structures_are_their_bytes() {
        let mut records = [LinkRecord { ifindex: 0x0102_0304, mtu: 5, mac: [6; 6], reserved: [7, 8] }; 2];
        let mut expected = [0x0102_0304_u32.to_ne_bytes(), 5_u32.to_ne_bytes()].concat();
        expected.extend([6, 6, 6, 6, 6, 6, 7, 8]);
        assert_eq!(bytes(&records[..1]), expected);
        bytes_mut(&mut records)[24] = 9;
        assert_eq!(records[1].mac, [9, 6, 6, 6, 6, 6]);
        assert_eq!(records[0].mac, [6; 6]);
    }
}
