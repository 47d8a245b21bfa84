//! What the drivers promise, from outside.

#[cfg(test)]
mod conformance;
#[cfg(test)]
<<<<<<< HEAD
=======
mod crash;
#[cfg(test)]
mod files;
#[cfg(test)]
>>>>>>> embedded
mod memory;
#[cfg(test)]
mod model;
#[cfg(test)]
mod paging;
