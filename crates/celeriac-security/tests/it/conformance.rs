//! A guarded broker owes what any broker owes.

use std::sync::Arc;

use celeriac_core::BoxFuture;
use celeriac_embedded::{Memory, Options};
use celeriac_security::seal::QueueKeys;
use celeriac_security::{Guard, Inboxes, Keyring, Policy};
use celeriac_testkit::{Driver, Harness, Setup};

/// The memory driver behind a guard that encrypts every body.
struct Guarded;

impl Harness for Guarded {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let mut options = Options::default();
            options.queue_limit = setup.queue_limit.unwrap_or(options.queue_limit);
            let memory = Memory::new(options);
            // Without signatures: the suite has one of its own in a header.
            let policy = Policy::new(Inboxes::Open).with_sealed([QueueKeys::new("*", &[[7; 32]])]);
            let guard = Guard::new(memory.clone(), Arc::new(Keyring::ephemeral()), policy);
            Driver { broker: Arc::new(guard), store: memory, keep: Box::new(()) }
        })
    }
}

celeriac_testkit::conformance!(Guarded);
