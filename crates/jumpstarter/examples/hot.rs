//! Nanoseconds per tell and per ask, beside a tokio channel in the same run.
//!
//! `cargo run --release --example hot`

use std::time::{Duration, Instant};

use jumpstarter::{Options, System, actor};
use tokio::sync::{mpsc, oneshot};

const TELLS: u64 = 2_000_000;
const ASKS: u64 = 200_000;
const ROUNDS: usize = 5;

struct Counter(u64);
struct Add(u64);
struct Get;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, message: Add) {
        self.0 += message.0;
    }

    #[handler]
    fn get(&mut self, _message: Get) -> u64 {
        self.0
    }
}

enum ByHand {
    Add(u64),
    Get(oneshot::Sender<u64>),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn actor_tells(options: Options) -> Result<f64, Failure> {
    let system = System::new("hot");
    let counter = system.spawn("counter", options, || Counter(0));
    counter.started().await?;
    let begun = Instant::now();
    for n in 0..TELLS {
        counter.tell(Add(1)).await?;
        if n % 256 == 0 {
            tokio::task::yield_now().await;
        }
    }
    counter.ask(Get).await?;
    Ok(per(begun.elapsed(), TELLS))
}

async fn actor_asks() -> Result<f64, Failure> {
    let system = System::new("hot");
    let counter = system.spawn("counter", Options::default(), || Counter(0));
    let begun = Instant::now();
    for _ in 0..ASKS {
        counter.ask(Get).await?;
    }
    Ok(per(begun.elapsed(), ASKS))
}

async fn serve(mut rx: mpsc::UnboundedReceiver<ByHand>) {
    let mut sum = 0;
    while let Some(message) = rx.recv().await {
        match message {
            ByHand::Add(n) => sum += n,
            ByHand::Get(reply) => drop(reply.send(sum)),
        }
    }
}

async fn channel_tells() -> Result<f64, Failure> {
    let (tx, rx) = mpsc::unbounded_channel();
    let _system = spawn_by_hand(rx);
    let begun = Instant::now();
    for n in 0..TELLS {
        tx.send(ByHand::Add(1)).map_err(|_| "closed")?;
        if n % 256 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let (reply, answer) = oneshot::channel();
    tx.send(ByHand::Get(reply)).map_err(|_| "closed")?;
    answer.await?;
    Ok(per(begun.elapsed(), TELLS))
}

async fn channel_asks() -> Result<f64, Failure> {
    let (tx, rx) = mpsc::unbounded_channel();
    let _system = spawn_by_hand(rx);
    let begun = Instant::now();
    for _ in 0..ASKS {
        let (reply, answer) = oneshot::channel();
        tx.send(ByHand::Get(reply)).map_err(|_| "closed")?;
        answer.await?;
    }
    Ok(per(begun.elapsed(), ASKS))
}

#[expect(clippy::disallowed_methods, reason = "the yardstick is an actor made by hand")]
fn spawn_by_hand(rx: mpsc::UnboundedReceiver<ByHand>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(serve(rx))
}

async fn spawn_and_stop() -> Result<f64, Failure> {
    const ACTORS: u64 = 50_000;
    let system = System::new("hot");
    let begun = Instant::now();
    for _ in 0..ACTORS {
        let counter = system.spawn("counter", Options::default(), || Counter(0));
        counter.stop().await;
    }
    Ok(per(begun.elapsed(), ACTORS))
}

async fn bytes_per_idle_actor() -> Result<f64, Failure> {
    const ACTORS: u64 = 100_000;
    let system = System::new("hot");
    let before = resident()?;
    let mut counters = Vec::new();
    for _ in 0..ACTORS {
        counters.push(system.spawn("counter", Options::default(), || Counter(0)));
    }
    for counter in &counters {
        counter.started().await?;
    }
    Ok((resident()? - before) / ACTORS as f64)
}

/// Resident bytes of this process.
fn resident() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = text.split(' ').nth(1).ok_or("no resident size")?.parse()?;
    Ok(pages * 4096.0)
}

fn per(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let mut rows: Vec<(&str, Vec<f64>)> = vec![
        ("tell, channel unbounded", vec![]),
        ("tell, actor unbounded", vec![]),
        ("tell, actor bounded 1024", vec![]),
        ("ask, channel", vec![]),
        ("ask, actor", vec![]),
        ("spawn and stop, actor", vec![]),
    ];
    let bytes =
        runtime.block_on(async { tokio::task::unconstrained(bytes_per_idle_actor()).await })?;
    for _ in 0..ROUNDS {
        let handle = runtime.handle().clone();
        rows[0].1.push(runtime.block_on(handle.spawn(channel_tells()))??);
        rows[1]
            .1
            .push(runtime.block_on(handle.spawn(actor_tells(Options::default().unbounded())))??);
        rows[2].1.push(runtime.block_on(handle.spawn(actor_tells(Options::default())))??);
        rows[3].1.push(runtime.block_on(handle.spawn(channel_asks()))??);
        rows[4].1.push(runtime.block_on(handle.spawn(actor_asks()))??);
        rows[5].1.push(runtime.block_on(handle.spawn(spawn_and_stop()))??);
    }
    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    for (name, mut figures) in rows {
        figures.sort_by(f64::total_cmp);
        let (median, least) = (figures[ROUNDS / 2], figures[0]);
        println!("{name:28} median {median:8.0} ns   least {least:8.0} ns");
    }
    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    {
        println!("idle actor                   {bytes:8.0} bytes");
    }
    Ok(())
}
