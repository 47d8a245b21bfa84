use jumpstarter::{Lifecycle, statechart};

statechart! {
    Composite extends Lifecycle {
        started.running { initial a, b };
        on pause: started.running.a => started.running.b;
    }
}

fn main() {}
