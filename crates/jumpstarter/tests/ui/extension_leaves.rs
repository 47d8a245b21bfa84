use jumpstarter::{Lifecycle, statechart};

statechart! {
    Misspelled extends Lifecycle {
        started.runing.healthy { initial a, b };
        on swap: started.runing.healthy.a => started.runing.healthy.b;
    }
}

fn main() {}
