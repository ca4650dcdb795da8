//! The crate against whole texts and bodies: by hand, at random, hostile, and from real servers.

#[cfg(test)]
mod body;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod corpus_dap4;
#[cfg(test)]
mod corpus_values;
#[cfg(test)]
mod dataset;
#[cfg(test)]
mod decode_dap;
#[cfg(test)]
mod decode_dods;
#[cfg(test)]
mod dmr;
#[cfg(test)]
mod hostile;
