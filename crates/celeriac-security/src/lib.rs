//! Who may say what to whom: signed messages, encrypted bodies, certificates
//! for development.
//!
//! | module | what lives there |
//! |---|---|
//! | [`key`] | Ed25519 keys and their text forms |
//! | [`keyring`] | the folder that holds a component's key and whom it trusts |
//! | [`signature`] | a signature over a message, and its check |
//! | [`replay`] | the window in which a signature is taken, once |
//! | [`seal`] | bodies that only those who hold a queue's key can read |
//! | [`policy`] | which queues demand what |
//! | [`guard`] | a broker that keeps the policy, around any other broker |
//! | [`tls`] | a certificate authority for development |
//!
//! Nothing here decides what happens to a message that is refused: it is
//! delivered as [`Undecodable`](celeriac_core::broker::Undecodable) with its
//! reason, so that it ends in the quarantine like any other that can't be read.

#![forbid(unsafe_code)]

pub mod error;
pub mod guard;
pub mod key;
pub mod keyring;
pub mod policy;
pub mod replay;
pub mod seal;
pub mod signature;
pub mod tls;

mod files;

pub use error::Error;
pub use guard::{Guard, Refused};
pub use key::{KeyId, KeyPair, PublicKey};
pub use keyring::{Keyring, Trusted};
pub use policy::{Inboxes, Policy};
