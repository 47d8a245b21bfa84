//! The suite that every driver owes, on the Redis of this machine.

#[cfg(test)]
mod harness;

use harness::OnServer;

mod conformance {
    use super::*;
    celeriac_testkit::conformance!(OnServer);
}
