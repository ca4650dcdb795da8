//! From receipts to a published dataset, on Lambda.

fn main() {}
