//! From an address to a broker and a store.

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Broker, Error, ErrorKind, Store};
use jumpstarter::System;

use crate::{Durable, Memory, Options};

/// What an address leads to: one object, seen twice.
#[derive(Clone)]
pub struct Opened {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The store.
    pub store: Arc<dyn Store>,
}

/// Opens `memory://`, or `file://` with the path of a directory.
///
/// # Errors
/// `Config` for any other address; those of [`Durable::open`].
pub async fn open(address: &str, options: Options, system: &System) -> Result<Opened> {
    match address.split_once("://") {
        Some(("memory", "")) => {
            let memory = Memory::new(options);
            Ok(Opened { broker: memory.clone(), store: memory })
        }
        Some(("file", path)) if !path.is_empty() => {
            let durable = Durable::open(path, options, system).await?;
            Ok(Opened { broker: durable.clone(), store: durable })
        }
        _ => {
            let context = format!("`{address}`: use `memory://` or `file:///directory`");
            Err(Error::new(ErrorKind::Config, "open", context))
        }
    }
}
