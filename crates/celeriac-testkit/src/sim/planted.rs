//! Mistakes that the simulation must find: planted at the wall, not in the code.

/// A mistake of somebody's that the checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Deliveries are settled before what follows from them is published.
    SettleFirst,
    /// A join counts what comes, in place of keeping a set.
    Counter,
}
