//! One chunk from the source to the target, on Lambda.

fn main() {}
