//! Messages and records as bytes, where a broker or store has no form of its own.
//!
//! All of it is MessagePack, versioned, and decoded totally: any bytes give a
//! value or a [`DecodeError`]. The forms are documented for other languages in
//! `docs/spec/message.md`.

mod envelope;
mod rare;
mod record;
mod workflow;

pub use envelope::{Decoder, encode};
pub use rare::RESERVED_HEADERS;
pub use record::{decode_outcome, decode_quarantined, encode_outcome, encode_quarantined};
pub use workflow::{
    decode_canvas, decode_end, decode_member, decode_page, decode_signal, decode_workflow,
    encode_canvas, encode_end, encode_member, encode_page, encode_signal, encode_workflow,
};

/// The version that this build writes, and the only one it reads.
pub const VERSION: u8 = 1;

/// Bytes that are no message or record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a version that this build does not know.
    #[error("wire version {0}; this build reads version {VERSION}: upgrade it")]
    Version(u8),
    /// Not what it should be.
    #[error("{bytes} bytes that are no {what}: {reason}")]
    Malformed {
        /// What it should be: `message`, `outcome` ….
        what: &'static str,
        /// How many bytes there are.
        bytes: usize,
        /// What is wrong.
        reason: String,
    },
}

impl DecodeError {
    fn malformed(what: &'static str, bytes: &[u8], reason: impl ToString) -> Self {
        Self::Malformed { what, bytes: bytes.len(), reason: reason.to_string() }
    }
}
