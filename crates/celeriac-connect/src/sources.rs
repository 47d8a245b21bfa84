//! Sources: where documents come from.

#[cfg(feature = "http")]
mod endpoint;
mod folder;
mod interval;
#[cfg(feature = "http")]
mod webhook;

#[cfg(feature = "http")]
pub use endpoint::Endpoint;
pub use folder::Folder;
pub use interval::Interval;
#[cfg(feature = "http")]
pub use webhook::Webhook;
