//! The crate against whole texts and bodies: by hand, at random, hostile, and from real servers.

#[cfg(test)]
mod body;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod dataset;
#[cfg(test)]
mod hostile;
