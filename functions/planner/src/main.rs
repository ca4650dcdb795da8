//! From a request to a plan and one message per chunk, on Lambda.

fn main() {}
