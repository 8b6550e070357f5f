//! Reading a stream.

use std::marker::PhantomData;

use crate::parts::Assembly;

/// Reads the messages of one direction of a stream. What comes in parts is kept until its last part.
#[derive(Debug)]
pub struct Decoder<T> {
    pub(crate) assembly: Assembly,
    /// Of [`Past`](crate::v1::Past): its parts may come between those of a delta.
    pub(crate) past: Assembly,
    of: PhantomData<fn() -> T>,
}

impl<T> Decoder<T> {
    /// For a new stream.
    #[must_use]
    pub fn new() -> Self {
        Self { assembly: Assembly::default(), past: Assembly::default(), of: PhantomData }
    }
}

impl<T> Default for Decoder<T> {
    fn default() -> Self {
        Self::new()
    }
}
