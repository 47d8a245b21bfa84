use jumpstarter::{Address, Context, Lifecycle, actor, statechart};

statechart! {
    pub Playing extends Lifecycle {
        started.running.healthy { initial quiet, loud };
        on swap: started.running.healthy.quiet => started.running.healthy.loud;
    }
}

struct Jukebox;
struct Swap;

#[actor]
impl Jukebox {
    #[handler]
    fn swap(&mut self, _m: Swap, ctx: &mut Context<Self>) {
        let _ = ctx.fire(playing::Trigger::Swap);
    }
}

async fn from_outside(jukebox: Address<Jukebox>) {
    let _ = jukebox.fire(playing::Trigger::Swap).await;
}

fn main() {}
