//! What the driver promises, from outside.

#[cfg(test)]
mod capability;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod enqueue;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod place;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tls;
