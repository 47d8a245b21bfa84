//! Running a scenario by a seed.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Name, Timestamp, simulation};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::check::check;
use super::cluster::Cluster;
use super::planted::Bug;
use super::sky::Sky;
use super::weather::Weather;
use super::world::World;
use crate::dice::Dice;

/// When every simulation begins.
const BEGINNING: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How long a scenario may take, in its own time.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// A cluster in a world that a seed decides. See the [module](super).
#[derive(Debug)]
pub struct Simulation<A> {
    cluster: Cluster<A>,
    weather: Option<Weather>,
    bug: Option<Bug>,
    poison: Option<(Name, u32)>,
    traced: bool,
}

/// What became of a run.
#[derive(Debug)]
pub struct Report<T> {
    /// The seed.
    pub seed: u64,
    /// What the scenario gave; `None` if it did not come to its end.
    pub value: Option<T>,
    /// What was wrong; nothing, if every promise was kept.
    pub violations: Vec<String>,
    /// How often what went wrong in the world.
    pub faults: BTreeMap<&'static str, u64>,
    /// What happened, line by line, if that was asked for.
    pub trace: Vec<String>,
    /// How much time went by in the world.
    pub elapsed: Duration,
}

impl<A: Clone + Send + Sync + 'static> Simulation<A> {
    /// A simulation of a cluster, in a weather of each seed's own.
    #[must_use]
    pub const fn new(cluster: Cluster<A>) -> Self {
        Self { cluster, weather: None, bug: None, poison: None, traced: false }
    }

    /// In this weather, whatever the seed.
    #[must_use]
    pub const fn weather(mut self, weather: Weather) -> Self {
        self.weather = Some(weather);
        self
    }

    /// With a mistake that must be found.
    #[must_use]
    pub const fn planted(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// With a task that kills the process which runs it, until it is in
    /// quarantine for that, after so many deaths. Send one such message; no
    /// process dies of anything else.
    #[must_use]
    pub fn poison(mut self, task: Name, deaths: u32) -> Self {
        self.poison = Some((task, deaths));
        self
    }

    /// With a trace of all that happens.
    #[must_use]
    pub const fn traced(mut self, traced: bool) -> Self {
        self.traced = traced;
        self
    }

    /// Runs a scenario. When it has ended the sky clears up, everything comes
    /// to its end, and the promises are checked. The same seed gives the same
    /// run.
    ///
    /// Inside, the clock is the world's: `tokio::time::sleep` takes no time.
    /// Tasks that compute run in the one thread there is; what waits for
    /// another thread, a socket or a file never ends.
    pub fn run<T>(&self, seed: u64, scenario: impl AsyncFnOnce(&World<A>) -> T) -> Report<T> {
        let seen: Mutex<Option<Arc<Sky>>> = Mutex::new(None);
        let weather = self.weather.unwrap_or_else(|| Weather::of(seed));
        let weather = if self.poison.is_some() { weather.without_deaths() } else { weather };
        let body = async |_| {
            let began = Instant::now();
            let dice = Dice::new(!seed);
            let _entered = simulation::enter(Source { began, dice });
            let drivers = (self.cluster.servers)().await.unwrap_or_else(|error| panic!("{error}"));
            let sky = Sky::new(seed, weather, drivers, self.traced);
            sky.state().deaths.poison = self.poison.clone();
            *seen.lock() = Some(sky.clone());
            let world = World::new(sky.clone(), self.cluster.clone(), self.bug);
            (0..weather.nodes).for_each(|number| world.start_node(number));
            let value = tokio::time::timeout(PATIENCE, scenario(&world)).await;
            sky.clear_up();
            let mut violations = Vec::new();
            if value.is_err() {
                violations.push(format!("the scenario did not end within {PATIENCE:?}"));
            }
            violations.extend(check(&sky).await);
            (value.ok(), violations, began.elapsed())
        };
        let ended = catch_unwind(AssertUnwindSafe(|| jumpstarter::testing::run(seed, body)));
        let (value, violations, elapsed) = ended.unwrap_or_else(|payload| {
            (None, vec![format!("panicked: {}", text(&*payload))], Duration::ZERO)
        });
        let (mut faults, mut trace) = (BTreeMap::new(), Vec::new());
        if let Some(sky) = seen.into_inner() {
            let mut state = sky.state();
            faults = std::mem::take(&mut state.faults);
            trace = state.trace.take().unwrap_or_default();
        }
        Report { seed, value, violations, faults, trace, elapsed }
    }
}

impl<T> Report<T> {
    /// Whether every promise was kept.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.violations.is_empty()
    }

    /// What the scenario gave.
    ///
    /// # Panics
    /// When a promise was broken; says which, and prints the trace if there is one.
    pub fn unwrap(self) -> T {
        match self.value {
            Some(value) if self.violations.is_empty() => value,
            _ => panic!(
                "seed {} broke a promise:\n{}\n{}",
                self.seed,
                self.violations.join("\n"),
                self.trace.join("\n")
            ),
        }
    }
}

/// The clock and the randomness of the world.
struct Source {
    began: Instant,
    dice: Dice,
}

impl simulation::Source for Source {
    fn now(&self) -> Timestamp {
        BEGINNING.after(self.began.elapsed())
    }

    fn random(&mut self) -> u128 {
        (u128::from(self.dice.roll()) << 64) | u128::from(self.dice.roll())
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "of something that is no text".to_owned())
}

impl<T> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {:?} in {:?}", self.seed, self.faults, self.elapsed)
    }
}
