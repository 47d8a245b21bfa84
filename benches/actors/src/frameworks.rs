//! The frameworks, one file each.

mod actix;
mod channel;
mod jumpstarter;
mod kameo;
mod ractor;
mod xtra;

use clap::ValueEnum;

use crate::case::{Case, Size};
use crate::figure::Measured;
use crate::framework::Framework;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// The yardstick: tokio's mpsc, oneshot and spawn, by hand.
    Channel,
    Jumpstarter,
    Ractor,
    Kameo,
    Actix,
    Xtra,
}

impl Name {
    pub const fn title(self) -> &'static str {
        match self {
            Name::Channel => "tokio mpsc",
            Name::Jumpstarter => "jumpstarter",
            Name::Ractor => "ractor",
            Name::Kameo => "kameo",
            Name::Actix => "actix",
            Name::Xtra => "xtra",
        }
    }

    pub fn measure(self, case: Case, size: Size) -> Measured {
        match self {
            Name::Channel => measure::<channel::Channel>(case, size),
            Name::Jumpstarter => measure::<jumpstarter::Jumpstarter>(case, size),
            Name::Ractor => measure::<ractor::Ractor>(case, size),
            Name::Kameo => measure::<kameo::Kameo>(case, size),
            Name::Actix => measure::<actix::Actix>(case, size),
            Name::Xtra => measure::<xtra::Xtra>(case, size),
        }
    }
}

fn measure<F: Framework>(case: Case, size: Size) -> Measured {
    match F::run(async move { case.measure::<F>(size).await }) {
        Ok(figures) => Measured::Figures(figures),
        Err(error) => Measured::Missing(format!("{error:#}")),
    }
}
