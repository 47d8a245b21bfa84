//! What is counted while a case runs.

use std::sync::Arc;

use jumpstarter::Address;
use parking_lot::Mutex;

use crate::hooked::Hooked;
use crate::node::Node;
use crate::plan::{End, Fate, Plan, Start, Turn};

/// What all parts of a case share.
pub(crate) struct World {
    pub(crate) plan: Plan,
    counts: Mutex<Counts>,
    places: Mutex<Vec<Place>>,
    /// Everyone of the plan who was ever spawned.
    everyone: Mutex<Vec<Address<Node>>>,
    /// By path; those at the root only, as there is one actor for each path.
    needs: Mutex<Vec<(String, Vec<String>)>>,
    /// Those with hooks who were ever spawned.
    hooked: Mutex<Vec<Address<Hooked>>>,
    hooks: Mutex<usize>,
    conditions: Mutex<usize>,
}

/// One actor of the plan, over all its incarnations.
#[derive(Clone, Default)]
struct Place {
    address: Option<Address<Node>>,
    starts: usize,
    ends: usize,
    turns: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Messages made.
    pub(crate) made: u64,
    /// Messages whose handler began, and those whose handler came to its end.
    pub(crate) begun: u64,
    pub(crate) done: u64,
    /// Messages that `tell` gave back because the actor has stopped.
    pub(crate) closed: u64,
    /// Messages that `try_tell` gave back because there was no room.
    pub(crate) full: u64,
    /// Messages that were dropped unhandled, by whomever.
    pub(crate) dropped: u64,
    /// Asks that were refused: each dropped its message.
    pub(crate) asks_closed: u64,
    /// Sends whose future was dropped, or whose outcome is not known otherwise.
    pub(crate) uncertain: u64,
    /// Sends that have begun but not ended.
    pub(crate) under_way: u64,
    pub(crate) acquired: u64,
    pub(crate) released: u64,
    /// Leases dropped without their release method.
    pub(crate) abandoned: u64,
    /// Leases that were released more than once.
    pub(crate) twice: u64,
    /// Transitions of actors with hooks that came to their end.
    pub(crate) transitions: u64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        let places = Mutex::new(vec![Place::default(); plan.nodes.len()]);
        Arc::new(World {
            plan,
            counts: Mutex::default(),
            places,
            everyone: Mutex::default(),
            needs: Mutex::default(),
            hooked: Mutex::default(),
            hooks: Mutex::default(),
            conditions: Mutex::default(),
        })
    }

    pub(crate) fn count<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock())
    }

    /// Who is, or was last, at that place.
    pub(crate) fn node(&self, place: usize) -> Option<Address<Node>> {
        self.places.lock()[place].address.clone()
    }

    /// Who is meant by a number from a plan.
    pub(crate) fn named(&self, number: u8) -> Option<Address<Node>> {
        self.node(usize::from(number) % self.plan.nodes.len())
    }

    pub(crate) fn settle(&self, place: usize, address: Address<Node>) {
        self.everyone.lock().push(address.clone());
        self.places.lock()[place].address = Some(address);
    }

    pub(crate) fn note_needs(&self, path: &str, dependencies: Vec<String>) {
        self.needs.lock().push((path.to_owned(), dependencies));
    }

    pub(crate) fn needs(&self) -> Vec<(String, Vec<String>)> {
        self.needs.lock().clone()
    }

    pub(crate) fn everyone(&self) -> Vec<Address<Node>> {
        self.everyone.lock().clone()
    }

    pub(crate) fn next_start(&self, place: usize) -> Start {
        let nth = post_increment(&mut self.places.lock()[place].starts);
        self.plan.nodes[place].starts.get(nth).copied().unwrap_or_default()
    }

    pub(crate) fn next_end(&self, place: usize) -> End {
        let nth = post_increment(&mut self.places.lock()[place].ends);
        self.plan.nodes[place].ends.get(nth).copied().unwrap_or_default()
    }

    pub(crate) fn settle_hooked(&self, address: Address<Hooked>) {
        self.hooked.lock().push(address);
    }

    pub(crate) fn everyone_hooked(&self) -> Vec<Address<Hooked>> {
        self.hooked.lock().clone()
    }

    /// The one of the latest with hooks who is meant by a number from a plan.
    pub(crate) fn named_hooked(&self, number: u8) -> Option<Address<Hooked>> {
        let hooked = self.hooked.lock();
        hooked.iter().rev().nth(usize::from(number) % 3).cloned()
    }

    /// How the next hook goes.
    pub(crate) fn next_hook(&self) -> Fate {
        let nth = post_increment(&mut self.hooks.lock());
        self.plan.hooked.hooks.get(nth).copied().unwrap_or_default()
    }

    pub(crate) fn next_condition(&self) -> bool {
        let nth = post_increment(&mut self.conditions.lock());
        self.plan.hooked.conditions.get(nth).copied().unwrap_or(true)
    }

    pub(crate) fn next_turn(&self, place: usize) -> Option<Turn> {
        let nth = post_increment(&mut self.places.lock()[place].turns);
        self.plan.nodes[place].turns.get(nth).copied()
    }
}

fn post_increment(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
}

/// Goes with each message, and knows its fate.
pub(crate) struct Token {
    world: Arc<World>,
    accounted: bool,
}

impl Token {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        world.count(|counts| counts.made += 1);
        Token { world: Arc::clone(world), accounted: false }
    }

    pub(crate) fn account(&mut self, change: impl FnOnce(&mut Counts)) {
        self.accounted = true;
        self.world.count(change);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.accounted {
            self.world.count(|counts| counts.dropped += 1);
        }
    }
}

/// A send that may never come to know how it went, if its future is dropped.
pub(crate) struct UnderWay {
    world: Arc<World>,
    ended: bool,
}

impl UnderWay {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        world.count(|counts| counts.under_way += 1);
        UnderWay { world: Arc::clone(world), ended: false }
    }

    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let uncertain = u64::from(!self.ended);
        self.world.count(|counts| {
            counts.under_way -= 1;
            counts.uncertain += uncertain;
        });
    }
}

/// A resource that counts.
pub(crate) struct Lease {
    world: Arc<World>,
    releases: u64,
}

impl Lease {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        world.count(|counts| counts.acquired += 1);
        Lease { world: Arc::clone(world), releases: 0 }
    }

    pub(crate) fn release(&mut self) {
        self.releases += 1;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let releases = self.releases;
        self.world.count(|counts| match releases {
            0 => counts.abandoned += 1,
            1 => counts.released += 1,
            _ => counts.twice += 1,
        });
    }
}
