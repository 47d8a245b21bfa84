//! What the facade promises, from outside.

mod macros;
mod misuse;
