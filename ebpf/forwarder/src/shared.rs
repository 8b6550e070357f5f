//! Arrays in shared memory: an element's address is arithmetic, where a lookup would take its key from the stack. Nearly all
//! packets read these. See `guideway_abi::SHARED`.

use core::arch::asm;

/// An array in shared memory.
pub trait Shared: Copy {
    type Element: 'static;

    /// The address of its memory.
    fn start(self) -> *mut Self::Element;

    /// The number of its elements.
    fn elements(self) -> u64;

    /// A reference, if there is such an element. What userspace stores to meanwhile has to be read by
    /// [`get_ptr`](Self::get_ptr).
    #[inline(always)]
    fn get(self, index: u32) -> Option<&'static Self::Element> {
        // SAFETY: the memory lives as long as the program.
        self.get_ptr(index).map(|element| unsafe { &*element })
    }

    #[inline(always)]
    fn get_ptr(self, index: u32) -> Option<*mut Self::Element> {
        element(self.start(), self.elements(), index.into())
    }

    /// The first element. There is one.
    #[inline(always)]
    fn first(self) -> *mut Self::Element {
        self.start()
    }
}

/// Comparison and arithmetic in one piece: of a number that the compiler compares in one register and takes from the stack to
/// another for the rest, the verifier of Linux 6.1 knows nothing any more.
#[inline(always)]
fn element<T>(start: *mut T, elements: u64, mut index: u64) -> Option<*mut T> {
    let mut at = start as u64;
    // SAFETY: nothing but registers.
    unsafe {
        if size_of::<T>().is_power_of_two() {
            asm!(
                "if {index} >= {elements} goto {beyond}",
                "{index} <<= {shift}",
                "{at} += {index}",
                index = inout(reg) index,
                elements = in(reg) elements,
                at = inout(reg) at,
                shift = const size_of::<T>().trailing_zeros(),
                beyond = label { return None },
                options(nomem, nostack),
            );
        } else {
            asm!(
                "if {index} >= {elements} goto {beyond}",
                "{index} *= {size}",
                "{at} += {index}",
                index = inout(reg) index,
                elements = in(reg) elements,
                at = inout(reg) at,
                size = const size_of::<T>(),
                beyond = label { return None },
                options(nomem, nostack),
            );
        }
        // No element lies at the start of the address space. Told so, the compiler leaves out a test for it.
        core::hint::assert_unchecked(at != 0);
    }
    let _ = index;
    Some(at as *mut T)
}

/// Defines maps, and how the program reaches their elements, under the same names.
macro_rules! shared {
    ($($map:ident: [$element:ty; $elements:expr];)*) => {
        mod definitions {
            use super::*;
            $(
                #[btf_map]
                pub static $map: Array<$element, { $elements }, MMAPABLE> = Array::new();
            )*
        }
        $(
            #[allow(non_camel_case_types)] // as its map
            #[derive(Clone, Copy)]
            pub struct $map;

            impl Shared for $map {
                type Element = $element;

                #[inline(always)]
                fn start(self) -> *mut $element {
                    let start: u64;
                    // SAFETY: a constant, for which the loader puts the address of the map's memory.
                    unsafe {
                        asm!(
                            "{start} = {map} ll",
                            start = out(reg) start,
                            map = sym definitions::$map,
                            options(nomem, nostack, preserves_flags),
                        );
                    }
                    start as *mut $element
                }

                #[inline(always)]
                fn elements(self) -> u64 {
                    let elements: u64;
                    // SAFETY: a constant, for which the loader puts the number of elements.
                    unsafe {
                        asm!(
                            "{elements} = {placeholder} ll",
                            elements = out(reg) elements,
                            placeholder = const elements_placeholder(stringify!($map)),
                            options(nomem, nostack, preserves_flags),
                        );
                    }
                    elements
                }
            }
        )*
    };
}

pub(crate) use shared;
