//! The suite that every broker owes, on the NATS server of this machine; and
//! what the suite does not check, on private servers.

#[cfg(test)]
mod capability;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod tls;

#[cfg(test)]
mod conformance {
    use crate::harness::OnServer;
    celeriac_testkit::broker_conformance!(OnServer);
}
