//! What we accept from a server before we call it an attack or a mistake.

/// Bytes of a DDS or a DAS. The largest in the wild (HDF-EOS with its ODL text) have a few MiB.
pub(crate) const MAX_TEXT_BYTES: usize = 16 << 20;
/// Bytes of the DDS that opens a `.dods` response. It describes one array.
pub(crate) const MAX_HEADER_BYTES: usize = 1 << 20;
/// Nested Structures, Sequences, Grids or attribute containers.
pub(crate) const MAX_DEPTH: usize = 32;
/// Declarations in a DDS, members and maps included.
pub(crate) const MAX_VARIABLES: usize = 10_000;
/// Bytes of one name.
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// Attributes in a DAS, containers included.
pub(crate) const MAX_ATTRIBUTES: usize = 1_000_000;
/// Warnings kept; the rest is counted.
pub(crate) const MAX_WARNINGS: usize = 1_000;
/// Bytes of an error page kept to build a message from.
pub(crate) const MAX_PAGE_BYTES: usize = 64 << 10;
/// Last bytes of a body kept to find a server error in when the body fails.
pub(crate) const MAX_TAIL_BYTES: usize = 4 << 10;
/// Nested XML elements of a DMR: groups, members and attributes, with room for foreign XML.
pub(crate) const MAX_XML_DEPTH: usize = 128;
/// XML attributes of one element of a DMR.
pub(crate) const MAX_XML_ATTRIBUTES: usize = 256;
/// Declarations of XML namespaces in a DMR.
pub(crate) const MAX_XML_NAMESPACES: usize = 1_000;
/// Elements and texts of a DMR. The largest we know has 20,000.
pub(crate) const MAX_XML_NODES: u32 = 500_000;
/// Bytes of all names of a DMR written in full, again for every use: few bytes of a hostile text could ask for many.
pub(crate) const MAX_FULL_NAMES_BYTES: usize = 16 << 20;
