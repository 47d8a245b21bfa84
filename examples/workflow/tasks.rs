//! The tasks of the example: a shop's orders, checked, charged and reported.
//!
//! Types that travel derive `JsonSchema`, so that a workflow that does not fit
//! them is refused when it is loaded.

use std::collections::BTreeMap;

use celeriac::App;
use celeriac::canvas::Settled;
use celeriac::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was sold.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "celeriac::schemars")]
pub(crate) struct Order {
    /// Which one.
    pub(crate) number: u32,
    /// How much, in cents.
    pub(crate) cents: u64,
}

/// The orders of a day.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "celeriac::schemars")]
pub(crate) struct Day {
    /// Which day.
    pub(crate) day: String,
    /// Its orders.
    pub(crate) orders: Vec<Order>,
    /// How many orders there are.
    pub(crate) count: u32,
}

/// How much was charged.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "celeriac::schemars")]
pub(crate) struct Totals {
    /// Of how many orders.
    pub(crate) charged: usize,
    /// How many could not be charged.
    pub(crate) refused: usize,
    /// How much, in cents.
    pub(crate) cents: u64,
}

#[celeriac::task(name = "shop.extract")]
async fn extract(day: String) -> Day {
    let order = |number| Order { number, cents: u64::from(number) * 1000 };
    Day { day, count: 4, orders: (1..=4).map(order).collect() }
}

#[celeriac::task(name = "shop.rates")]
async fn rates() -> BTreeMap<String, f64> {
    [("EUR".to_owned(), 1.0), ("USD".to_owned(), 1.25)].into()
}

#[celeriac::task(name = "shop.charge", retry = false)]
async fn charge(order: Order, rate: f64) -> Result<u64, std::io::Error> {
    if order.number == 3 {
        return Err(std::io::Error::other("the card was refused"));
    }
    Ok((order.cents as f64 * rate) as u64)
}

#[celeriac::task(name = "shop.total")]
async fn total(charged: Vec<Settled<u64>>) -> Totals {
    let values = charged.iter().filter_map(|one| match one {
        Settled::Value(cents) => Some(*cents),
        Settled::Error(_) => None,
    });
    let (paid, cents) = (values.clone().count(), values.sum());
    Totals { charged: paid, refused: charged.len() - paid, cents }
}

#[celeriac::task(name = "shop.archive")]
async fn archive(orders: Vec<Order>, folder: String) -> String {
    format!("{folder}/{}.json", orders.len())
}

#[celeriac::task(name = "shop.report")]
async fn report(day: String, totals: Totals, archive: String) -> String {
    let Totals { charged, refused, cents } = totals;
    format!("{day}: {charged} charged, {refused} refused, {cents} cents, kept in {archive}")
}

/// The app with these tasks.
pub(crate) fn registered(app: App) -> App {
    app.register(extract)
        .register(rates)
        .register(charge)
        .register(total)
        .register(archive)
        .register(report)
}
