//! What the drivers promise, from outside.

#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
