use jumpstarter::{Lifecycle, statechart};

statechart! {
    TwoLeaves extends Lifecycle {
        started.running.healthy { initial a, b };
        started.paused { initial c, d };
        on swap: started.running.healthy.a => started.paused.c;
    }
}

statechart! {
    NotItsOwn extends Lifecycle {
        started.running.healthy { initial a, b };
        on swap: started.running.healthy.a => started.running.healthy.b;
        on spoil: started.running.healthy => started.running.degraded;
    }
}

statechart! {
    NoInitial extends Lifecycle {
        started.running.healthy { a, b };
        on swap: started.running.healthy.a => started.running.healthy.b;
    }
}

statechart! {
    Another extends TwoLeaves {
        started.running.healthy { initial a, b };
        on swap: started.running.healthy.a => started.running.healthy.b;
    }
}

fn main() {}
