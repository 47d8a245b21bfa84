//! Seeds that found something wrong in Celeriac once: it stays mended.

use celeriac_testkit::canvas::Palette;

use crate::canvases::{self, Story};
use crate::plain;

/// An acknowledgement of a first attempt was lost; it came again with the
/// second attempt behind it, which was settled as a repetition. When the first
/// failed again, its retry was taken for the one that had been published
/// already, and removed: the task was lost.
#[test]
fn an_earlier_attempt_that_comes_again_does_not_cost_the_later_one() {
    plain::simulate(162, false).unwrap();
}

/// A first attempt came again and again, while the second waited or ran: its
/// retry took the place of a later one, and was removed with it.
#[test]
fn an_earlier_attempt_does_not_take_the_place_of_a_later_one_that_waits() {
    for seed in [610, 7465, 100_148] {
        let canvas = Palette::LIVE.deep(seed);
        let _ = canvases::simulate(seed, &canvas, Story::Run, (None, false)).unwrap();
    }
}
