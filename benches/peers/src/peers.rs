//! The systems: one file each in `peers/`, and here what each is called, what
//! it promises, and how much it gets to do.

mod apalis;
mod bare;
mod bare_amqp;
mod bare_nats;
mod bullmq;
mod bullmq_node;
mod celeriac;
mod celery;
mod sidekiq;

use anyhow::Result;
use clap::ValueEnum;

use crate::figures::Figures;
use crate::load::Load;
use crate::server::Kind;

/// A system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    CeleriacRedis,
    BareBrpop,
    BareBlmpop,
    Bullmq,
    BullmqNode,
    Apalis,
    Sidekiq,
    Celery,
    CeleriacRabbitmq,
    CeleriacRabbitmqPlain,
    BareLapin,
    BareLapinPriorities,
    CeleriacNats,
    BareJetstream,
    BareJetstreamOutcomes,
    CeleriacPostgres,
}

/// What is said of a system without measuring it.
pub struct Profile {
    pub name: &'static str,
    pub server: Kind,
    /// What it does for each task.
    pub promise: &'static str,
    /// How many tasks it gets, in the quick form and in the full one.
    pub tasks: (usize, usize),
    /// What it drained a second on the machine of our anchors, told where it
    /// can't be measured.
    pub elsewhere: Option<f64>,
}

impl Peer {
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub fn profile(self) -> Profile {
        let of = |name, promise, tasks, elsewhere| Profile {
            name,
            server: Kind::Redis,
            promise,
            tasks,
            elsewhere,
        };
        let at = |server, name, promise, tasks| Profile {
            name,
            server,
            promise,
            tasks,
            elsewhere: None,
        };
        let confirmed = "confirmed, outcome in Redis, late ack";
        match self {
            Self::CeleriacRedis => {
                of("celeriac", "outcome stored, late ack", (9_000, 200_000), None)
            }
            Self::BareBrpop => {
                of("bare LPUSH, BRPOP", "nothing: the limit one by one", (10_000, 50_000), None)
            }
            Self::BareBlmpop => of(
                "bare LPUSH, BLMPOP of 100",
                "nothing: the limit in batches",
                (100_000, 500_000),
                None,
            ),
            Self::Bullmq => of(
                "BullMQ, native Rust, 100 at once",
                "outcome stored, late ack",
                (10_000, 60_000),
                Some(14_925.0),
            ),
            Self::BullmqNode => of(
                "BullMQ, Node, 100 at once",
                "outcome stored, late ack",
                (5_000, 60_000),
                Some(12_012.0),
            ),
            Self::Apalis => of(
                "apalis, batches of 100, parallel",
                "outcome stored, late ack",
                // With 8,000 waiting its worker fails ("too many results to unpack").
                (5_000, 7_500),
                Some(7_851.0),
            ),
            Self::Sidekiq => of(
                "rusty-sidekiq, 50 workers",
                "no outcome, early ack",
                (5_000, 60_000),
                Some(14_466.0),
            ),
            Self::CeleriacRabbitmq => at(Kind::RabbitMq, "celeriac", confirmed, (5_000, 100_000)),
            Self::CeleriacRabbitmqPlain => {
                at(Kind::RabbitMq, "celeriac, priorities=false", confirmed, (5_000, 100_000))
            }
            Self::BareLapin => {
                at(Kind::RabbitMq, "bare lapin, in batches", confirmed, (10_000, 100_000))
            }
            Self::BareLapinPriorities => {
                at(Kind::RabbitMq, "the same, with priorities", confirmed, (10_000, 100_000))
            }
            Self::CeleriacNats => at(Kind::Nats, "celeriac", confirmed, (9_000, 100_000)),
            Self::BareJetstream => {
                at(Kind::Nats, "bare pulls of 500", "confirmed, late ack", (20_000, 100_000))
            }
            Self::BareJetstreamOutcomes => {
                at(Kind::Nats, "the same, outcomes stored", confirmed, (20_000, 100_000))
            }
            Self::CeleriacPostgres => {
                at(Kind::Postgres, "celeriac", "outcome stored, late ack", (5_000, 50_000))
            }
            Self::Celery => {
                of("Celery, prefork -c 2", "outcome stored, late ack", (1_000, 10_000), Some(748.0))
            }
        }
    }

    pub async fn measure(self, load: &Load) -> Result<Figures> {
        match self {
            Self::CeleriacRedis
            | Self::CeleriacRabbitmq
            | Self::CeleriacNats
            | Self::CeleriacPostgres => celeriac::measure(load, false).await,
            Self::CeleriacRabbitmqPlain => celeriac::measure(load, true).await,
            Self::BareLapin => bare_amqp::measure(load, false).await,
            Self::BareLapinPriorities => bare_amqp::measure(load, true).await,
            Self::BareJetstream => bare_nats::measure(load, None).await,
            Self::BareJetstreamOutcomes => bare_nats::measure(load, load.store.as_deref()).await,
            Self::BareBrpop => bare::brpop(load).await,
            Self::BareBlmpop => bare::blmpop(load).await,
            Self::Bullmq => bullmq::measure(load).await,
            Self::BullmqNode => bullmq_node::measure(load).await,
            Self::Apalis => apalis::measure(load).await,
            Self::Sidekiq => sidekiq::measure(load).await,
            Self::Celery => celery::measure(load).await,
        }
    }
}
