//! Draws the lifecycle, a chart that extends it, a living tree of actors, and two
//! of these actors in their charts. Writes each as DOT, Mermaid and SVG.
//!
//! `cargo run --example diagrams -- [folder]`

use std::path::{Path, PathBuf};
use std::time::Duration;

use jumpstarter::{
    Address, Backoff, Context, Dependency, Flow, Lifecycle, Options, State, Statechart, System,
    actor, statechart, viz,
};

statechart! {
    /// A shop window in which two layouts are tried out.
    pub Experiment extends Lifecycle {
        started.running.healthy { initial a, b };
        on to_a: started.running.healthy.b => started.running.healthy.a;
        on to_b: started.running.healthy.a => started.running.healthy.b;
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Store;

#[actor]
impl Store {
    #[task(every = "1h")]
    fn compact(&mut self) -> Flow {
        Flow::Continue
    }
}

struct Cache;
struct Evict;

#[actor]
impl Cache {
    #[handler]
    fn evict(&mut self, _message: Evict, ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(ctx.report_warning()?)
    }
}

struct Window;

#[actor(chart = Experiment)]
impl Window {
    #[task(every = "10m")]
    fn rotate(&mut self) -> Flow {
        Flow::Continue
    }
}

struct Connection;
struct Lose;

#[actor]
impl Connection {
    #[handler]
    fn lose(&mut self, _message: Lose, ctx: &mut Context<Self>) {
        ctx.report_error("connection reset by peer");
    }
}

struct Gateway {
    store: Address<Store>,
    cache: Address<Cache>,
    connections: Vec<Address<Connection>>,
}
struct Connections;

#[actor]
impl Gateway {
    #[depends_on]
    fn store(&self) -> Dependency<Store> {
        Dependency::existing(self.store.clone())
    }

    #[depends_on]
    fn cache(&self) -> Dependency<Cache> {
        Dependency::existing(self.cache.clone())
    }

    #[started]
    fn connect(&mut self, ctx: &mut Context<Self>) {
        // The second restart waits long enough to be drawn.
        let patient = Duration::from_secs(3600);
        let backoff = Backoff { first: patient, max: patient };
        let options = Options::default().backoff(backoff);
        let names = ["connection-1", "connection-2", "connection-3"];
        let connect = |name| ctx.spawn_child(name, options.clone(), || Connection);
        self.connections = names.into_iter().map(connect).collect();
    }

    #[handler]
    fn connections(&mut self, _message: Connections) -> Vec<Address<Connection>> {
        self.connections.clone()
    }
}

/// Brings up the application, with one degraded and one crashed actor.
async fn application(system: &System) -> Result<(), Failure> {
    let store = system.spawn("store", Options::default(), || Store);
    let cache = system.spawn("cache", Options::default().mailbox(64).depends_on(&store), || Cache);
    let (of_store, of_cache) = (store.clone(), cache.clone());
    let gateway = system.spawn("gateway", Options::default(), move || Gateway {
        store: of_store.clone(),
        cache: of_cache.clone(),
        connections: Vec::new(),
    });
    gateway.started().await?;
    let window = system.spawn("window", Options::default().depends_on(&gateway), || Window);
    window.started().await?;
    window.fire(Experiment::ToB).await?;
    cache.ask(Evict).await??;
    let connections = gateway.ask(Connections).await?;
    let mut events = system.events();
    let lost = connections.get(1).ok_or("no connection")?;
    for connection in &connections {
        connection.started().await?;
    }
    lost.tell(Lose).await?;
    lost.tell(Lose).await?;
    while lost.lifecycle() != State::Crashed || lost.snapshot().restarts == 0 {
        events.next().await;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, drawing: &viz::Drawing) -> Result<Vec<PathBuf>, Failure> {
    let formats = [("dot", drawing.dot()), ("mmd", drawing.mermaid()), ("svg", drawing.svg())];
    let mut written = Vec::new();
    for (extension, text) in formats {
        let path = folder.join(name).with_extension(extension);
        std::fs::write(&path, text)?;
        written.push(path);
    }
    Ok(written)
}

async fn draw(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let system = System::new("shop");
    application(&system).await?;
    let lost = system.snapshot().into_iter().find(|actor| actor.state == State::Crashed);
    let lost = lost.ok_or("nothing crashed")?;
    let window = system.find::<Window>("window").ok_or("no window")?;
    let lifecycle = Lifecycle::CHART;
    let drawings = [
        ("lifecycle", viz::chart(lifecycle)),
        ("extended", viz::chart(Experiment::CHART)),
        ("tree", viz::tree(&system)),
        ("crashed", viz::instance(lifecycle, &lost)),
        ("instance", viz::instance(Experiment::CHART, &window.snapshot())),
    ];
    let mut written = Vec::new();
    for (name, drawing) in drawings {
        written.extend(write(folder, name, &drawing)?);
    }
    system.shutdown(Duration::from_secs(5)).await;
    Ok(written)
}

fn main() -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "target/diagrams".into(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    for path in runtime.block_on(draw(&folder))? {
        println!("{}", path.display());
    }
    Ok(())
}
