//! Plain data: structures of the ABI as bytes and back.

use guideway_abi::{
    BackendRecord, GenerationHeader, MetaRecord, TableMeta, TrafficStats, VipBucket, VipRecord,
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
    VipBucket = 4 * (16 + 2 + 1 + 1 + 4);
    VipRecord = 4, 1, 3;
    GenerationHeader = 8, 8, 16, 16, 8 * 4, 16, 6, 6, 4;
    BackendRecord = 16, 8, 1, 7;
    TableMeta = 16;
    MetaRecord = 6 * 4;
    TrafficStats = 8, 8;
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
    use guideway_abi::VipRecord;

    #[test]
    fn structures_are_their_bytes() {
        let mut records = [VipRecord { table: 0x0102_0304, table_kind: 5, reserved: [6, 7, 8] }; 2];
        let mut expected = 0x0102_0304_u32.to_ne_bytes().to_vec();
        expected.extend([5, 6, 7, 8]);
        assert_eq!(bytes(&records[..1]), expected);
        bytes_mut(&mut records)[12] = 9;
        assert_eq!(records[1].table_kind, 9);
        assert_eq!(records[0].table_kind, 5);
    }
}
