//! A simulated process: what dies together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::Message;
use jumpstarter::testing::Process;
use parking_lot::Mutex;

use super::sky::Sky;

/// What is done when a process has died.
type Obituary = Box<dyn FnOnce() + Send>;

/// A simulated process.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) sky: Arc<Sky>,
    dead: AtomicBool,
    process: Mutex<Option<Process>>,
    obituary: Mutex<Option<Obituary>>,
    /// What a planted bug keeps in the memory of the process.
    pub(super) held_back: Mutex<Vec<Arc<Message>>>,
}

impl Host {
    pub(super) fn new(name: String, sky: Arc<Sky>) -> Arc<Self> {
        Arc::new(Self {
            name,
            sky,
            dead: AtomicBool::new(false),
            process: Mutex::new(None),
            obituary: Mutex::new(None),
            held_back: Mutex::default(),
        })
    }

    /// The process begins; `obituary` is called if it dies.
    pub(super) fn live(
        &self,
        life: impl Future<Output = ()> + Send + 'static,
        obituary: impl FnOnce() + Send + 'static,
    ) {
        *self.obituary.lock() = Some(Box::new(obituary));
        *self.process.lock() = Some(Process::spawn(life));
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Everything in it is dropped, here and now.
    pub(super) fn die(&self) {
        if self.dead.swap(true, Ordering::Relaxed) {
            return;
        }
        self.sky.note(&self.name, |_| "dies".to_owned());
        self.sky.state().deaths.die(&self.name);
        let process = self.process.lock().take();
        if let Some(process) = process {
            process.kill();
        }
        let obituary = self.obituary.lock().take();
        if let Some(obituary) = obituary {
            obituary();
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}
