//! Our reading of a response beside that of others.

use std::fmt::Write as _;

use cf::{Number, Values};
use dap::{Content, Decoded, DecodedVariable, Dmr, parse_dmr};
use grid::ElementType;
use sha2::{Digest as _, Sha256};

/// One folder's responses.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) decoded: usize,
    pub(super) refused: usize,
    /// Variables, after flattening.
    pub(super) variables: usize,
    /// Not read, by name.
    pub(super) unsupported: usize,
    /// Equal to what netCDF's client reads, by digest: numbers, texts, members of Structures.
    pub(super) netcdf: [usize; 3],
    /// Attributes of variables as netCDF's client has them, floats not counted.
    pub(super) attributes: usize,
    pub(super) attributes_differ: usize,
    /// Variables of which the server sent a checksum, all checked; equal to libdap's or THREDDS' own dump of them.
    pub(super) checksums: usize,
    pub(super) checksums_told: usize,
    /// Equal to libdap's, THREDDS' or ncdump's dump of the values; fields of Sequences among them.
    pub(super) dumped: usize,
    pub(super) sequences_dumped: usize,
}

fn little(content: &Content) -> Option<Vec<u8>> {
    let Content::Numbers { element, bytes } = content else { return None };
    let mut bytes = bytes.clone();
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(element.size()).for_each(<[u8]>::reverse);
    }
    Some(bytes)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Holds a response against what netCDF's client read.
pub(super) fn compare_netcdf(name: &str, reader: &serde_json::Value, decoded: &Decoded, row: &mut Row) {
    for (variable, values) in reader["vars"].as_object().unwrap() {
        let wanted = |key: &str| values[key].as_str().map(str::to_owned);
        if let Some(found) = decoded.variables.iter().find(|found| found.name == *variable) {
            let shape: Vec<u64> = values["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
            let sizes: Vec<u64> = found.dimensions.iter().map(|dimension| dimension.size).collect();
            assert_eq!(shape, sizes, "{name} {variable}");
            match &found.content {
                Content::Numbers { .. } => {
                    let digest = digest(&little(&found.content).unwrap());
                    assert_eq!(Some(digest), wanted("sha256_le"), "{name} {variable}");
                    row.netcdf[0] += 1;
                }
                Content::Text(texts) => {
                    let strings = values["strings"].as_array().unwrap();
                    let first: Vec<_> = texts.iter().take(strings.len()).collect();
                    assert_eq!(first, strings.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>());
                    let digest = digest(texts.join("\0").as_bytes());
                    assert_eq!(Some(digest), wanted("sha256_of_joined_by_nul"), "{name} {variable}");
                    row.netcdf[1] += 1;
                }
                Content::Opaque(_) => panic!("{name} {variable}: netCDF's client reads no such thing"),
            }
        } else {
            // A compound: its members side by side, once for each element.
            let count = usize::try_from(values["n"].as_u64().unwrap()).unwrap();
            let prefix = format!("{variable}.");
            let members: Vec<_> = decoded.variables.iter().filter(|found| found.name.starts_with(&prefix)).collect();
            assert!(!members.is_empty(), "{name} {variable} is missing");
            let columns: Vec<Vec<u8>> = members.iter().map(|member| little(&member.content).unwrap()).collect();
            let mut packed = Vec::new();
            for at in 0..count {
                for column in &columns {
                    let width = column.len() / count;
                    packed.extend_from_slice(&column[at * width..(at + 1) * width]);
                }
            }
            assert_eq!(Some(digest(&packed)), wanted("sha256_le"), "{name} {variable}");
            row.netcdf[2] += 1;
        }
    }
}

/// Holds texts and integers among the attributes against what netCDF's client read; how many are equal, and which are
/// not.
pub(super) fn compare_attributes(reader: &serde_json::Value, decoded: &Decoded) -> (usize, Vec<String>) {
    let (mut equal, mut differ) = (0, Vec::new());
    for (variable, values) in reader["vars"].as_object().unwrap() {
        let Some(found) = decoded.variables.iter().find(|found| found.name == *variable) else { continue };
        for (name, attribute) in values["attrs"].as_object().unwrap() {
            let wanted = attribute["values"].as_array().unwrap();
            let found = match found.attributes.values(name) {
                Some(Values::Text(texts)) => texts.iter().map(|text| text.as_str().into()).collect::<Vec<_>>(),
                Some(numbers) => {
                    let numbers = numbers.numbers().unwrap().into_iter();
                    let integers = numbers.filter_map(|number| match number {
                        Number::Integer(integer) => i64::try_from(integer).ok().map(serde_json::Value::from),
                        Number::Float(_) => None,
                    });
                    integers.collect()
                }
                None => Vec::new(),
            };
            // Floats are for the tests of values.
            let hexadecimal = wanted.iter().any(|value| value.as_str().is_some_and(|text| text.contains("0x")));
            if found == *wanted {
                equal += 1;
            } else if !hexadecimal {
                differ.push(format!("{variable}:{name} is {found:?}, netCDF's client reads {wanted:?}"));
            }
        }
    }
    (equal, differ)
}

/// The values as numbers wide enough for a comparison with printed ones.
fn numbers(variable: &DecodedVariable) -> Option<Vec<f64>> {
    let Content::Numbers { element, .. } = &variable.content else { return None };
    let bytes = little(&variable.content)?;
    #[expect(clippy::cast_precision_loss, reason = "compared with six printed digits")]
    let number = |raw: &[u8]| match element {
        ElementType::Int8 => f64::from(raw[0].cast_signed()),
        ElementType::UInt8 => f64::from(raw[0]),
        ElementType::Int16 => f64::from(i16::from_le_bytes(raw.try_into().unwrap())),
        ElementType::UInt16 => f64::from(u16::from_le_bytes(raw.try_into().unwrap())),
        ElementType::Int32 => f64::from(i32::from_le_bytes(raw.try_into().unwrap())),
        ElementType::UInt32 => f64::from(u32::from_le_bytes(raw.try_into().unwrap())),
        ElementType::Int64 => i64::from_le_bytes(raw.try_into().unwrap()) as f64,
        ElementType::UInt64 => u64::from_le_bytes(raw.try_into().unwrap()) as f64,
        ElementType::Float32 => f64::from(f32::from_le_bytes(raw.try_into().unwrap())),
        ElementType::Float64 => f64::from_le_bytes(raw.try_into().unwrap()),
    };
    Some(bytes.chunks_exact(element.size()).map(number).collect())
}

/// The numbers between braces and commas; nothing if something else is among them.
fn printed(text: &str) -> Option<Vec<f64>> {
    let words = text.split(|c: char| "{}, \n;\t".contains(c)).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

fn alike(found: &[f64], printed: &[f64]) -> bool {
    let same = |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a.is_nan() && b.is_nan());
    let close = |a: f64, b: f64| same(a, b) || (a - b).abs() <= 1e-5 * a.abs().max(b.abs());
    found.len() == printed.len() && found.iter().zip(printed).all(|(a, b)| close(*a, *b))
}

/// Holds a response against libdap's (`Int32 a[x = 2] = {4, 6};`) or THREDDS' (`a =\n {4, 6}`) dump, where a variable
/// has a name of its own and is no member of anything.
pub(super) fn compare_dump(name: &str, dump: &str, decoded: &Decoded, row: &mut Row) {
    let data = dump.split_once("The data:").or_else(|| dump.split_once("\n data:")).map_or("", |(_, data)| data);
    for variable in &decoded.variables {
        let leaf = variable.name.rsplit('/').next().unwrap();
        let once = decoded.variables.iter().filter(|other| other.name.rsplit('/').next() == Some(leaf)).count() == 1;
        let (Some(found), true) = (numbers(variable), once && !leaf.contains('.')) else { continue };
        let value = data.lines().enumerate().find_map(|(at, line)| {
            let mut words = line.split([' ', '[']);
            let libdap =
                words.next().is_some_and(|kind| kind.starts_with(char::is_alphabetic)) && words.next() == Some(leaf);
            let thredds = line.strip_prefix(leaf).is_some_and(|rest| rest.trim_start().starts_with('='));
            let rest: Vec<&str> = data.lines().skip(at).collect();
            if libdap && line.ends_with(';') {
                return printed(line.split_once("] = ").or_else(|| line.split_once(" = "))?.1);
            }
            let end = rest.iter().skip(1).position(|line| !line.starts_with(' ')).map_or(rest.len(), |end| end + 1);
            if thredds { printed(rest[..end].join("\n").split_once('=')?.1) } else { None }
        });
        if let Some(value) = value {
            // Only seven printed digits of a Float32, six from libdap.
            assert!(alike(&found, &value), "{name} {}: {found:?}, dumped {value:?}", variable.name);
            row.dumped += 1;
        }
    }
}

/// Holds a response against ncdump's text (` a = 4, 6 ;`); a compound or a vlen of one member goes by its own name
/// there.
pub(super) fn compare_ncdump(name: &str, dump: &str, decoded: &Decoded, row: &mut Row) {
    for statement in dump.split_once("\ndata:").map_or("", |(_, data)| data).split(';') {
        let Some((variable, values)) = statement.split_once(" =") else { continue };
        let variable = variable.trim();
        let prefix = format!("{variable}.");
        let is_it = |found: &&DecodedVariable| found.name == variable || found.name.starts_with(&prefix);
        let mut found = decoded.variables.iter().filter(is_it);
        let (Some(only), None, Some(printed)) = (found.next(), found.next(), printed(values)) else { continue };
        let Some(found) = numbers(only) else { continue };
        assert!(alike(&found, &printed), "{name} {variable}: {found:?}, dumped {printed:?}");
        row.dumped += 1;
        row.sequences_dumped += usize::from(only.name != variable && only.dimensions.len() == 1);
    }
}

/// The checksums in libdap's dump, a DMR with an attribute for each variable, or in THREDDS'.
pub(super) fn compare_checksums(name: &str, dump: &str, decoded: &Decoded, sent: &[Option<u32>], row: &mut Row) {
    fn told<'a>(group: &'a dap::dmr::Group, prefix: &str, all: &mut Vec<(String, &'a str)>) {
        for variable in &group.variables {
            if let Some(checksum) = variable.attributes.text("DAP4_Checksum_CRC32") {
                all.push((format!("{prefix}{}", variable.name), checksum));
            }
        }
        group.groups.iter().for_each(|child| told(child, &format!("{prefix}{}/", child.name), all));
    }
    let libdap: Option<Dmr> = dump.split_once("The data:").map(|(dmr, _)| parse_dmr(dmr.as_bytes()).unwrap());
    let mut all = Vec::new();
    if let Some(dmr) = &libdap {
        told(&dmr.root, "", &mut all);
    }
    for line in dump.lines() {
        if let Some((variable, checksum)) = line.split_once(":_DAP4_Checksum_CRC32 = \"0x") {
            all.push((variable.trim().trim_start_matches("string ").to_owned(), checksum.split('"').next().unwrap()));
        }
    }
    for (variable, checksum) in all {
        let checksum = u32::from_str_radix(checksum, 16).unwrap();
        let is_it = |other: &str| other == variable || other.starts_with(&format!("{variable}."));
        let named: Vec<usize> = (0..sent.len()).filter(|at| is_it(&decoded.variables[*at].name)).collect();
        if let Some(found) = named.first().and_then(|at| sent[*at]) {
            assert_eq!(found, checksum, "{name} {variable}");
            row.checksums_told += 1;
        }
    }
}
