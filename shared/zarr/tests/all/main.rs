//! What the crate writes, seen from outside: golden documents, `zarrs` as a second opinion, chunks there and back.

#[cfg(test)]
mod chunks;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod examples;
