//! The suite that every driver owes, on the Redis of this machine; and what
//! the suite does not check, on private servers.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod tls;

#[cfg(test)]
mod conformance {
    use crate::harness::{On, server};
    celeriac_testkit::conformance!(On(vec![server()]));
}
