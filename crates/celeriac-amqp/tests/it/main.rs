//! The suite that every broker owes, on the RabbitMQ of this machine; and what
//! the suite does not check.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
mod names;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod tls;

#[cfg(test)]
mod conformance {
    use crate::harness::OnServer;
    celeriac_testkit::broker_conformance!(OnServer { priorities: true });
}

#[cfg(test)]
mod without_priorities {
    use crate::harness::OnServer;
    celeriac_testkit::broker_conformance!(OnServer { priorities: false });
}
