//! Seeds that found something wrong in Celeriac once: it stays mended.
//!
//! Those of canvases are gone: a seed means another canvas once there is a new
//! primitive, and another schedule once a call more or less is made. What they
//! found is kept as rules: an earlier attempt replaces no later one (S-14), and
//! `engine::it::admission` for what is held.

use crate::plain;

/// An acknowledgement of a first attempt was lost; it came again with the
/// second attempt behind it, which was settled as a repetition. When the first
/// failed again, its retry was taken for the one that had been published
/// already, and removed: the task was lost.
#[test]
fn an_earlier_attempt_that_comes_again_does_not_cost_the_later_one() {
    plain::simulate(162, false).unwrap();
}
