//! The same inputs for fuzzers.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::{
    rest::OwnedRequest,
    testing::{input::Block, sequence::Sequence, step::Step, wild::request_from_bytes},
};

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Block::arbitrary(bytes).map(Self::from)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (size_of::<Block>(), Some(size_of::<Block>()))
    }
}

impl<'a> Arbitrary<'a> for Sequence {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let blocks: usize = bytes.arbitrary_len::<Block>()?;
        bytes.bytes(blocks * size_of::<Block>()).map(Self::from_bytes)
    }

    /// All bytes that are left, as [`Sequence::from_bytes`] reads them. So a seed is [`Sequence::to_bytes`].
    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> Result<Self> {
        Ok(Self::from_bytes(bytes.take_rest()))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<'a> Arbitrary<'a> for OwnedRequest {
    /// See [`request_from_bytes`].
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let length: usize = bytes.arbitrary_len::<u8>()?;
        bytes.bytes(length).map(request_from_bytes)
    }

    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> Result<Self> {
        Ok(request_from_bytes(bytes.take_rest()))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}
