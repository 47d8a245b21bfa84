use jumpstarter::{Address, Context, Delivery, Subscription, actor};

#[derive(Clone)]
struct Price(u32);

struct Market;
struct Trade;

#[actor]
impl Market {
    #[handler]
    async fn trade(&mut self, _m: Trade, ctx: &mut Context<Self>) {
        ctx.publish(Price(7)).await;
    }
}

fn follow(market: &Address<Market>) -> Subscription<Price> {
    market.subscribe(Delivery::BackPressure { room: 8 })
}

fn main() {}
