//! The guide: from one actor to a supervised tree with dependencies, resources,
//! health and a live diagram.
//!
//! 1. [One actor](one_actor)
//! 2. [Replies and errors](replies_and_errors)
//! 3. [Resources](resources)
//! 4. [Tasks](tasks)
//! 5. [Children and supervision](supervision)
//! 6. [Dependencies](dependencies)
//! 7. [Health, pause and hooks](health)
//! 8. [Behaviour bound to states](behaviour)
//! 9. [Streams](streams)
//! 10. [Testing](testing)
//! 11. [A live diagram](live_diagram)
//!
//! For those who know another actor system: [coming from](coming_from), and an
//! honest [`comparison`]. There is no code here; every block in the
//! chapters is a test.

#[doc = include_str!("../docs/guide/one-actor.md")]
pub mod one_actor {}

#[doc = include_str!("../docs/guide/replies-and-errors.md")]
pub mod replies_and_errors {}

#[doc = include_str!("../docs/guide/resources.md")]
pub mod resources {}

#[doc = include_str!("../docs/guide/tasks.md")]
pub mod tasks {}

#[doc = include_str!("../docs/guide/supervision.md")]
pub mod supervision {}

#[doc = include_str!("../docs/guide/dependencies.md")]
pub mod dependencies {}

#[doc = include_str!("../docs/guide/health.md")]
pub mod health {}

#[doc = include_str!("../docs/guide/behaviour.md")]
pub mod behaviour {}

#[doc = include_str!("../docs/guide/streams.md")]
pub mod streams {}

#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/guide/live-diagram.md")]
pub mod live_diagram {}

#[doc = include_str!("../docs/guide/coming-from.md")]
pub mod coming_from {}

#[doc = include_str!("../docs/guide/comparison.md")]
pub mod comparison {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
