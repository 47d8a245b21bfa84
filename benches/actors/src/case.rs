//! The cases, each written once for every framework.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::figure::{Figure, Figures};
use crate::framework::{Failure, Framework};
use crate::memory;

/// Tells between two yields of a producer.
const BURST: u64 = 256;
/// How long tells may be on their way.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    Tell1,
    Tell8,
    Ask,
    Askers,
    SpawnStop,
    Idle,
    Ring,
    Skynet,
    RestartError,
    RestartPanic,
}

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    Quick,
    Full,
}

impl Size {
    fn of(self, quick: u64, full: u64) -> u64 {
        match self {
            Size::Quick => quick,
            Size::Full => full,
        }
    }

    pub const fn rounds(self) -> usize {
        match self {
            Size::Quick => 3,
            Size::Full => 5,
        }
    }
}

impl Case {
    /// Where the least counts, which few rounds tell by chance, there are more of them.
    pub const fn rounds(self, size: Size) -> usize {
        match self {
            Case::Askers => 3 * size.rounds(),
            _ => size.rounds(),
        }
    }

    pub async fn measure<F: Framework>(self, size: Size) -> Result<Figures> {
        let mut figures = Figures::new();
        match self {
            Case::Tell1 => {
                let tells = size.of(250_000, 2_000_000);
                figures.insert(Figure::Tell1, tell::<F>(1, tells).await?);
            }
            Case::Tell8 => {
                let tells = size.of(250_000, 2_000_000);
                figures.insert(Figure::Tell8, tell::<F>(8, tells).await?);
            }
            Case::Ask => ask::<F>(size.of(50_000, 400_000), &mut figures).await?,
            Case::Askers => {
                let asks = size.of(1_000, 8_000);
                figures.insert(Figure::Askers64, askers::<F>(64, asks).await?);
            }
            Case::SpawnStop => {
                let actors = size.of(20_000, 100_000);
                figures.insert(Figure::SpawnStop, spawn_stop::<F>(actors).await?);
            }
            Case::Idle => {
                let actors = size.of(20_000, 100_000);
                figures.insert(Figure::IdleBytes, idle::<F>(actors).await?);
            }
            Case::Ring => {
                let hops = size.of(100_000, 1_000_000);
                let elapsed = F::ring(1_000, hops).await?;
                figures.insert(Figure::RingHop, nanos(elapsed, hops));
            }
            Case::Skynet => skynet::<F>(size.of(100_000, 1_000_000), &mut figures).await?,
            Case::RestartError => {
                let times = size.of(10_000, 100_000);
                let elapsed = F::restart(Failure::Error, times).await?;
                figures.insert(Figure::RestartError, nanos(elapsed, times) / 1e3);
            }
            Case::RestartPanic => {
                let times = size.of(3_000, 30_000);
                let elapsed = F::restart(Failure::Panic, times).await?;
                figures.insert(Figure::RestartPanic, nanos(elapsed, times) / 1e3);
            }
        }
        Ok(figures)
    }
}

fn nanos(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

/// From the first tell until the last is worked on.
async fn tell<F: Framework>(senders: u64, tells: u64) -> Result<f64> {
    let counter = Arc::new(F::spawn().await?);
    F::ask(&counter).await?;
    let begun = Instant::now();
    if senders == 1 {
        produce::<F>(&counter, tells).await?;
    } else {
        let share = |counter: &Arc<F::Counter>| {
            let counter = Arc::clone(counter);
            tokio::spawn(async move { produce::<F>(&counter, tells / senders).await })
        };
        let producers: Vec<_> = (0..senders).map(|_| share(&counter)).collect();
        for producer in producers {
            producer.await??;
        }
    }
    let mut sum = F::ask(&counter).await?;
    // Xtra lets some messages overtake others.
    while sum < tells && begun.elapsed() < PATIENCE {
        tokio::task::yield_now().await;
        sum = F::ask(&counter).await?;
    }
    ensure!(sum == tells, "{sum} of {tells} tells arrived");
    Ok(nanos(begun.elapsed(), tells))
}

async fn produce<F: Framework>(counter: &F::Counter, tells: u64) -> Result<()> {
    for n in 1..=tells {
        F::tell(counter, 1).await?;
        if n % BURST == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// The mean without looking at the clock, then each ask by itself.
async fn ask<F: Framework>(asks: u64, figures: &mut Figures) -> Result<()> {
    let counter = F::spawn().await?;
    F::ask(&counter).await?;
    let begun = Instant::now();
    for _ in 0..asks {
        F::ask(&counter).await?;
    }
    figures.insert(Figure::AskMean, nanos(begun.elapsed(), asks));
    let mut each = Vec::with_capacity(asks as usize);
    for _ in 0..asks {
        let begun = Instant::now();
        F::ask(&counter).await?;
        each.push(begun.elapsed());
    }
    each.sort_unstable();
    figures.insert(Figure::AskP50, nanos(each[each.len() / 2], 1));
    figures.insert(Figure::AskP99, nanos(each[each.len() * 99 / 100], 1));
    Ok(())
}

async fn askers<F: Framework>(askers: u64, asks: u64) -> Result<f64> {
    let counter = Arc::new(F::spawn().await?);
    F::ask(&counter).await?;
    let begun = Instant::now();
    let ask_all = |counter: &Arc<F::Counter>| {
        let counter = Arc::clone(counter);
        tokio::spawn(async move {
            for _ in 0..asks {
                F::ask(&counter).await?;
            }
            anyhow::Ok(())
        })
    };
    let tasks: Vec<_> = (0..askers).map(|_| ask_all(&counter)).collect();
    for task in tasks {
        task.await??;
    }
    Ok(nanos(begun.elapsed(), askers * asks))
}

async fn spawn_stop<F: Framework>(actors: u64) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..actors {
        let counter = F::spawn().await?;
        F::stop(counter).await?;
    }
    Ok(nanos(begun.elapsed(), actors))
}

async fn idle<F: Framework>(actors: u64) -> Result<f64> {
    // What the first actors bring along belongs to the runtime.
    let first = F::spawn().await?;
    F::ask(&first).await?;
    let mut counters = Vec::with_capacity(actors as usize);
    let before = memory::resident()?;
    for _ in 0..actors {
        counters.push(F::spawn().await?);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = memory::resident()?;
    let handles = size_of::<F::Counter>() as f64;
    let bytes = (after - before) / actors as f64 - handles;
    for counter in &counters {
        F::ask(counter).await?;
    }
    Ok(bytes)
}

async fn skynet<F: Framework>(leaves: u64, figures: &mut Figures) -> Result<()> {
    let begun = Instant::now();
    let sum = F::skynet(leaves).await?;
    figures.insert(Figure::SkynetSeconds, begun.elapsed().as_secs_f64());
    figures.insert(Figure::SkynetPeak, memory::peak()? / f64::from(1 << 20));
    let expected = leaves * (leaves - 1) / 2;
    ensure!(sum == expected, "skynet: {sum} instead of {expected}");
    Ok(())
}
