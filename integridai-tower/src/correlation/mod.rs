//! Which request it is.
