//! The guard around a real driver: it keeps every promise of a broker, and
//! refuses what it must.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod refusals;
