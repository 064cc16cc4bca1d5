//! Holds the rules of the design over the real sources: who may import whom, where foreign names live, how long a
//! file may be. Each rule is a pure function from a source to its violations, with one test over the tree and one
//! over a snippet that breaks it, so that no rule can pass by seeing nothing.

#[path = "architecture/mod.rs"]
mod architecture;
