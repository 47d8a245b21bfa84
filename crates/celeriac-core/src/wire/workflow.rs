//! Workflows as bytes: a version byte, then a MessagePack list, as other
//! records of the store.

use serde::Deserialize;

use super::record::{read, write};
use super::{DecodeError, VERSION};
use crate::workflow::{Canvas, End, MAX_DEPTH, Member, Page, Signal, Workflow};

/// The largest canvas that is read: 64 MiB.
const MAX_CANVAS_BYTES: usize = 64 << 20;
/// How deep the bytes may nest: each composition takes three levels, and what
/// is in the innermost a few more.
const MAX_NESTING: usize = 3 * MAX_DEPTH + 24;

/// Defines both directions of a record.
macro_rules! record {
    ($encode:ident, $decode:ident, $type:ty, $what:literal) => {
        #[doc = concat!("Writes a ", $what, ".")]
        #[must_use]
        pub fn $encode(value: &$type) -> Vec<u8> {
            write(value)
        }

        #[doc = concat!("Reads a ", $what, ".")]
        ///
        /// # Errors
        #[doc = concat!("[`DecodeError`] when the bytes are no ", $what, " of this version.")]
        pub fn $decode(bytes: &[u8]) -> Result<$type, DecodeError> {
            read($what, bytes)
        }
    };
}

record!(encode_page, decode_page, Page, "page of a graph");
record!(encode_workflow, decode_workflow, Workflow, "workflow");
record!(encode_member, decode_member, Member, "member of a join");
record!(encode_signal, decode_signal, Signal, "signal of a workflow");
record!(encode_end, decode_end, End, "end of a workflow");

/// Writes a canvas.
#[must_use]
pub fn encode_canvas(canvas: &Canvas) -> Vec<u8> {
    write(canvas)
}

/// Reads a canvas. How deep it may nest is checked when it is compiled.
///
/// # Errors
/// [`DecodeError`] when the bytes are no canvas of this version, nested far
/// deeper than one may be, or more than 64 MiB.
pub fn decode_canvas(bytes: &[u8]) -> Result<Canvas, DecodeError> {
    if bytes.len() > MAX_CANVAS_BYTES {
        return Err(DecodeError::malformed("canvas", bytes, "more than 64 MiB"));
    }
    let [VERSION, rest @ ..] = bytes else {
        // Says what is wrong with the beginning.
        return read("canvas", bytes);
    };
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(rest);
    deserializer.set_max_depth(MAX_NESTING);
    let canvas = Canvas::deserialize(&mut deserializer);
    canvas.map_err(|error| DecodeError::malformed("canvas", bytes, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{Condition, Each, Items, JsonPath, Policy, Shape, Signature};
    use proptest::prelude::*;

    fn signature() -> impl Strategy<Value = Signature> {
        ("[a-z]{1,8}", any::<i64>(), any::<bool>()).prop_map(|(task, argument, immutable)| {
            let signature = Signature::new(task).argument(argument);
            Signature { immutable, ..signature }
        })
    }

    fn canvas() -> impl Strategy<Value = Canvas> {
        let leaf = signature().prop_map(Canvas::from);
        leaf.prop_recursive(4, 40, 4, |inner| {
            let many = proptest::collection::vec(inner.clone(), 0..4);
            prop_oneof![
                many.clone().prop_map(Canvas::chain),
                (many, signature()).prop_map(|(members, callback)| {
                    Canvas::group(members).link(callback.clone()).on_error(callback)
                }),
                signature().prop_map(|signature| {
                    let items = Items::Input(JsonPath::WHOLE);
                    let (each, policy) = (Each::Star, Policy::Settle);
                    Shape::Map { signature, items, each, policy }.into()
                }),
                inner.prop_map(|body| {
                    let until = Condition::Not(Box::new(Condition::Exists(JsonPath::WHOLE)));
                    Shape::Loop { body: Box::new(body), until, max: 3 }.into()
                }),
            ]
        })
    }

    fn nested(depth: usize) -> Vec<u8> {
        let leaf = Canvas::from(Signature::new("t"));
        write(&(0..depth).fold(leaf, |canvas, _| Canvas::chain(vec![canvas])))
    }

    #[test]
    fn nesting_is_read_to_its_limit_and_refused_far_beyond() {
        assert!(decode_canvas(&nested(MAX_DEPTH)).is_ok());
        assert!(decode_canvas(&nested(2 * MAX_DEPTH)).is_err());
    }

    proptest! {
        #[test]
        fn a_canvas_comes_back_whole(canvas in canvas()) {
            prop_assert_eq!(&decode_canvas(&encode_canvas(&canvas)).unwrap(), &canvas);
            let json = serde_json::to_vec(&canvas).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Canvas>(&json).unwrap(), canvas);
        }

        #[test]
        fn any_bytes_decode_or_give_an_error(mut bytes: Vec<u8>) {
            bytes.insert(0, VERSION);
            let _ = (decode_canvas(&bytes), decode_page(&bytes), decode_workflow(&bytes));
            let _ = (decode_member(&bytes), decode_end(&bytes), decode_signal(&bytes));
        }

        #[test]
        fn a_damaged_canvas_decodes_or_gives_an_error(
            canvas in canvas(),
            at: prop::sample::Index,
            byte: u8
        ) {
            let mut bytes = encode_canvas(&canvas);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode_canvas(&bytes);
        }
    }
}
