//! A process that uses a directory which another process has open.

mod broker;
mod consumer;
mod store;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::Message;
use celeriac_core::error::Result;
use jumpstarter::System;

use super::GOOD_FRAME;
use super::link::{Link, LinkGuard};
use super::request::envelope;

/// A process that uses a directory which another process has open.
#[derive(Debug)]
pub(crate) struct Client {
    link: Arc<Link>,
    _guard: LinkGuard,
}

impl Client {
    /// Connects to the owner of a directory.
    pub(crate) async fn connect(directory: &Path, system: &System) -> Result<Self> {
        let (link, guard) = Link::connect(directory, system).await?;
        Ok(Self { link, _guard: guard })
    }

    /// Whether the owner is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.link.is_dead()
    }

    /// The connection.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Takes leave of the owner.
    pub(crate) fn close(&self) {
        self.link.goodbye();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.link.goodbye();
    }
}

/// Messages as bytes, in parts that fit into a frame each.
fn parts(batch: &[Arc<Message>]) -> Vec<Vec<Bytes>> {
    let mut parts: Vec<Vec<Bytes>> = Vec::new();
    let mut room = 0;
    for message in batch {
        let envelope = envelope(message);
        if room < envelope.len() {
            parts.push(Vec::new());
            room = GOOD_FRAME.max(envelope.len());
        }
        room -= envelope.len();
        if let Some(part) = parts.last_mut() {
            part.push(envelope);
        }
    }
    parts
}
