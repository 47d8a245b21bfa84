//! Futures that belong to an actor: its stop waits for them, and drops those
//! that wait themselves.

use shuttle::future::block_on;

use super::{Dropped, Notes, explore, on_thread};
use crate::{Context, Options, Spawner, System, actor};

struct Owner;
struct GetSpawner;

#[actor]
impl Owner {
    #[handler]
    fn spawner(&mut self, _m: GetSpawner, ctx: &Context<Self>) -> Spawner {
        ctx.spawner()
    }
}

#[test]
fn none_outlives_its_actor() {
    explore(|| {
        let system = System::new("test");
        let owner = system.spawn("owner", Options::default(), || Owner);
        let spawner = block_on(owner.ask(GetSpawner)).unwrap();
        let drops = Notes::default();
        let (scope, dropped) = (spawner.scope(), Dropped(drops.clone()));
        let ends = spawner.spawn(async move {
            scope.cancelled().await;
            drop(dropped);
        });
        let dropped = Dropped(drops.clone());
        let late = on_thread(async move {
            // Perhaps after the actor has stopped.
            let spawned = spawner.spawn(async move { drop(dropped) });
            spawned.join().await;
        });
        block_on(owner.stop());
        block_on(ends.join());
        late.join().unwrap();
        assert_eq!(drops.all().len(), 2);
    });
}

#[test]
fn an_aborted_one_is_dropped_and_joined() {
    explore(|| {
        let system = System::new("test");
        let owner = system.spawn("owner", Options::default(), || Owner);
        let spawner = block_on(owner.ask(GetSpawner)).unwrap();
        let drops = Notes::default();
        let dropped = Dropped(drops.clone());
        let waits = spawner.spawn(async move {
            std::future::pending::<()>().await;
            drop(dropped);
        });
        let aborter = on_thread(async move {
            waits.abort();
            waits.join().await;
        });
        aborter.join().unwrap();
        block_on(owner.stop());
        assert_eq!(drops.all().len(), 1);
    });
}

#[test]
fn a_kill_drops_those_that_wait() {
    explore(|| {
        let system = System::new("test");
        let owner = system.spawn("owner", Options::default(), || Owner);
        let spawner = block_on(owner.ask(GetSpawner)).unwrap();
        let drops = Notes::default();
        let spawned: Vec<_> = (0..2)
            .map(|_| {
                let dropped = Dropped(drops.clone());
                spawner.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(dropped);
                })
            })
            .collect();
        let killer = on_thread(async move { owner.kill().await });
        killer.join().unwrap();
        for one in spawned {
            block_on(one.join());
        }
        assert_eq!(drops.all().len(), 2);
    });
}
