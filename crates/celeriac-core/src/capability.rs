//! What a driver can do beyond its duty.

use serde::Serialize;

/// The optional abilities of a broker or store.
///
/// An operation without its capability answers an error of kind
/// [`Unsupported`](crate::ErrorKind::Unsupported); the conformance suite tests
/// that too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capability {
    /// An `Ok` from `publish` or a store operation survives the death of the
    /// broker's process.
    pub durable: bool,
    /// Messages of a queue are delivered by priority, 9 first.
    pub priorities: bool,
    /// `Delivery::deaths` counts how often a process died while it held the
    /// message between `begin` and `settle`.
    pub deaths: bool,
    /// Queues have a limit, and `publish` refuses what is above it.
    pub limits: bool,
    /// Queues whose name begins with `~` live in memory only.
    pub transient_queues: bool,
    /// Several processes may use the same address at the same time.
    pub shared: bool,
    /// Deliveries are held under a lease, which the driver renews while its
    /// process lives; others get them once it has expired.
    pub leases: bool,
}

impl Capability {
    /// No optional ability at all; drivers build theirs from it.
    pub const NONE: Self = Self {
        durable: false,
        priorities: false,
        deaths: false,
        limits: false,
        transient_queues: false,
        shared: false,
        leases: false,
    };

    /// With [`Self::durable`].
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// With [`Self::priorities`].
    #[must_use]
    pub const fn priorities(mut self) -> Self {
        self.priorities = true;
        self
    }

    /// With [`Self::deaths`].
    #[must_use]
    pub const fn deaths(mut self) -> Self {
        self.deaths = true;
        self
    }

    /// With [`Self::limits`].
    #[must_use]
    pub const fn limits(mut self) -> Self {
        self.limits = true;
        self
    }

    /// With [`Self::transient_queues`].
    #[must_use]
    pub const fn transient_queues(mut self) -> Self {
        self.transient_queues = true;
        self
    }

    /// With [`Self::shared`].
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// With [`Self::leases`].
    #[must_use]
    pub const fn leases(mut self) -> Self {
        self.leases = true;
        self
    }
}
