//! Every `.dods` of the corpus, whole: decoded or refused with a reason, and its values held against what netCDF's
//! client and libdap read in the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use dap::{Content, Decoded, DecodedVariable, decode_dods};
use grid::ElementType;
use serde_json::Value;

use crate::corpus::{bytes, digest, files, say, short};

/// What came of the bodies of one server.
#[derive(Debug, Default)]
struct Tally {
    bodies: usize,
    decoded: usize,
    /// Variables with the same type, shape and values in netCDF's client.
    numbers: usize,
    texts: usize,
    /// Variables that cannot be compared with it, or where it is known to be wrong, by reason.
    without: BTreeMap<&'static str, usize>,
    /// Bodies of which libdap reads the same strings (whole ones), and the same numbers (as far as it prints digits).
    libdap: [usize; 2],
    unsupported: usize,
}

/// The attributes that go with a body: those of its own name, or of the dataset (`x.c0.dods` is a part of `x`).
fn das(path: &Path) -> Option<Vec<u8>> {
    let own = path.with_extension("das");
    let whole = path.with_extension("").with_extension("das");
    let found = [own, whole].into_iter().find(|das| das.is_file());
    found.map(|das| bytes(&das))
}

fn reference(path: &Path) -> Option<Value> {
    let json = path.with_extension("netcdf-c.json");
    json.is_file().then(|| serde_json::from_slice(&bytes(&json)).unwrap())
}

fn server(path: &Path) -> String {
    short(path).split('/').next().unwrap().to_owned()
}

/// A name of netCDF's client, which keeps them as sent but for a slash in front.
fn plain(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().trim_start_matches('/').to_owned()
}

/// What netCDF's client says of a variable.
fn theirs<'a>(reference: &'a Value, variable: &DecodedVariable) -> Option<&'a Value> {
    let all = reference["vars"].as_object().unwrap();
    let found = all.iter().find(|(name, _)| **name == variable.name || plain(name) == plain(&variable.name));
    found.map(|(_, value)| value)
}

fn sizes(value: &Value) -> Vec<u64> {
    value["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect()
}

/// Whether netCDF's client read the same. It makes unsigned types signed and cuts strings at a fixed length.
fn same(variable: &DecodedVariable, theirs: &Value) -> bool {
    let sha = theirs["sha256_le"].as_str().unwrap();
    let dtype = theirs["dtype"].as_str().unwrap();
    let mut shape: Vec<u64> = variable.dimensions.iter().map(|dimension| dimension.size).collect();
    match &variable.content {
        Content::Numbers { element, bytes } => {
            let signed = element.name().trim_start_matches('u');
            dtype.trim_start_matches('u') == signed
                && sizes(theirs) == shape
                && digest(bytes.clone(), element.size()) == sha
        }
        Content::Text(texts) => {
            let length = usize::try_from(*sizes(theirs).last().unwrap_or(&0)).unwrap();
            shape.push(length as u64);
            let padded = |texts: Vec<Vec<u8>>| {
                let fit = texts.into_iter().map(|mut text| {
                    text.resize(length, 0);
                    text
                });
                digest(fit.collect::<Vec<_>>().concat(), 1)
            };
            let found = encodings(texts).map(padded);
            dtype == "|S1" && sizes(theirs) == shape && found.iter().any(|found| found == sha)
        }
        Content::Opaque(_) => false,
    }
}

/// Texts as UTF-8, and as ISO 8859-1, from which they were read if they were not UTF-8.
fn encodings(texts: &[String]) -> [Vec<Vec<u8>>; 2] {
    let latin = |text: &String| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    [texts.iter().map(|text| text.clone().into_bytes()).collect(), texts.iter().map(latin).collect()]
}

/// What libdap's getdap printed: the strings with their escapes undone, and the numbers; both sorted.
fn dumped(text: &[u8]) -> (Vec<Vec<u8>>, Vec<f64>) {
    let (mut strings, mut outside, mut brackets) = (Vec::new(), Vec::new(), 0);
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets -= 1,
            b'"' => strings.push(string(&mut rest)),
            _ if brackets == 0 => outside.push(byte),
            _ => {}
        }
    }
    strings.sort();
    let outside = String::from_utf8(outside).unwrap();
    let words = outside.split(|c: char| c.is_whitespace() || ",;{}".contains(c));
    (strings, sorted(words.filter_map(|word| word.parse().ok()).collect()))
}

/// The rest of a string and its closing quote.
fn string(rest: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let mut string = Vec::new();
    while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
        let escaped = if byte == b'\\' { rest.next() } else { None };
        string.push(match escaped {
            Some(digit @ b'0'..=b'3') => {
                let digits = [digit, rest.next().unwrap(), rest.next().unwrap()];
                digits.iter().fold(0, |value, digit| (value << 3) | (digit - b'0'))
            }
            Some(other) => other,
            None => byte,
        });
    }
    string
}

/// Without the sign of NaN, which says nothing.
fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.iter_mut().filter(|number| number.is_nan()).for_each(|number| *number = f64::NAN);
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// The dump of libdap, or of the server's own tests with it.
fn dump(path: &Path) -> Option<PathBuf> {
    let stem = path.with_extension("").to_string_lossy().into_owned();
    let found = ["getdap.upstream.txt", "libdap.txt"].iter().map(|end| PathBuf::from(format!("{stem}.{end}")));
    found.into_iter().find(|dump| dump.is_file())
}

fn texts(decoded: &Decoded) -> Vec<String> {
    let texts = decoded.variables.iter().filter_map(|variable| match &variable.content {
        Content::Text(texts) => Some(texts.clone()),
        Content::Numbers { .. } | Content::Opaque(_) => None,
    });
    texts.flatten().collect()
}

fn numbers(decoded: &Decoded) -> Vec<f64> {
    let one = |element: ElementType, bytes: &[u8]| match element {
        // libdap knows no signed bytes.
        ElementType::Int8 | ElementType::UInt8 => f64::from(bytes[0]),
        ElementType::Int16 => f64::from(i16::from_ne_bytes(bytes.try_into().unwrap())),
        ElementType::UInt16 => f64::from(u16::from_ne_bytes(bytes.try_into().unwrap())),
        ElementType::Int32 => f64::from(i32::from_ne_bytes(bytes.try_into().unwrap())),
        ElementType::UInt32 => f64::from(u32::from_ne_bytes(bytes.try_into().unwrap())),
        ElementType::Float32 => f64::from(f32::from_ne_bytes(bytes.try_into().unwrap())),
        ElementType::Float64 => f64::from_ne_bytes(bytes.try_into().unwrap()),
        ElementType::Int64 | ElementType::UInt64 => unreachable!("DAP2 has no 64-bit integers"),
    };
    let mut numbers = Vec::new();
    for variable in &decoded.variables {
        if let Content::Numbers { element, bytes } = &variable.content {
            // libdap does not heed `_Unsigned`.
            let element = match (element, variable.attributes.text("_Unsigned")) {
                (ElementType::UInt16, Some("true")) => &ElementType::Int16,
                (element, _) => element,
            };
            numbers.extend(bytes.chunks_exact(element.size()).map(|bytes| one(*element, bytes)));
        }
    }
    sorted(numbers)
}

/// Compares with libdap's dump.
fn against_libdap(decoded: &Decoded, path: &Path, tally: &mut Tally, differ: &mut Vec<String>) {
    let Some(dump) = dump(path).filter(|_| decoded.unsupported.is_empty()) else { return };
    let (strings, printed) = dumped(&bytes(&dump));
    let found = encodings(&texts(decoded)).map(|mut texts| {
        texts.sort();
        texts
    });
    // What the servers' own tests expected when the aggregation did not name its files yet.
    let renewed = short(path).contains("netcdf_joinNew") && strings.is_empty();
    if !found.contains(&strings) && !renewed {
        differ.push(format!("{} strings of {}", short(path), short(&dump)));
    } else if !strings.is_empty() {
        tally.libdap[0] += 1;
    }
    let ours = numbers(decoded);
    let zeros =
        server(path) == "erddap-text" && printed.iter().filter(|number| number.abs() < f64::MIN_POSITIVE).count() >= 12;
    if agree(&ours, &printed) && !ours.is_empty() {
        tally.libdap[1] += 1;
    } else if !ours.is_empty() && !zeros {
        differ.push(format!("{} {} numbers of {} {}", short(path), ours.len(), short(&dump), printed.len()));
    }
}

/// Whether two sorted lists have the same numbers. libdap prints the maps that Grids share once for each.
fn agree(ours: &[f64], printed: &[f64]) -> bool {
    // Six digits of 32-bit values, fifteen of others; NaN is NaN.
    let close = |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-5 * a.abs().max(b.abs());
    let mut rest = printed.iter().peekable();
    let mut last = f64::NAN;
    for number in ours {
        while rest.peek().is_some_and(|printed| !close(**printed, *number) && close(**printed, last)) {
            rest.next();
        }
        if !rest.next().is_some_and(|printed| close(*printed, *number)) {
            return false;
        }
        last = *number;
    }
    rest.all(|printed| close(*printed, last))
}

/// Why netCDF's client is wrong, where that is known.
fn excuse(path: &Path, variable: &DecodedVariable, theirs: &Value) -> Option<&'static str> {
    let zeros = theirs["first"].as_array().is_some_and(|first| first.iter().all(|value| value == 0));
    let is_byte = matches!(variable.content, Content::Numbers { element: ElementType::UInt8, .. });
    if is_byte && zeros && ["erddap-text", "live-pydap-3.4.1"].contains(&server(path).as_str()) {
        return Some("netcdf-c reads 0 for bytes sent first of four");
    }
    let slash = bytes(path).windows(2).any(|pair| pair == b"[/");
    slash.then_some("netcdf-c misreads the sizes of `[/x = 6]`")
}

/// Compares with netCDF's client.
fn against_netcdf(decoded: &Decoded, path: &Path, tally: &mut Tally, differ: &mut Vec<String>) {
    let reference = reference(path);
    for variable in &decoded.variables {
        let mut without = |reason| *tally.without.entry(reason).or_default() += 1;
        match reference.as_ref().map(|reference| theirs(reference, variable)) {
            None => without("netcdf-c cannot open the body"),
            Some(None) => without("netcdf-c makes no variable of it"),
            Some(Some(theirs)) if theirs.get("error").is_some() => without("netcdf-c fails"),
            Some(Some(theirs)) if same(variable, theirs) => match variable.content {
                Content::Text(_) => tally.texts += 1,
                Content::Numbers { .. } | Content::Opaque(_) => tally.numbers += 1,
            },
            Some(Some(theirs)) => match excuse(path, variable, theirs) {
                Some(reason) => without(reason),
                None => differ.push(format!("{} {} {theirs}", short(path), variable.name)),
            },
        }
    }
    let ours: BTreeSet<String> = decoded.variables.iter().map(|variable| plain(&variable.name)).collect();
    for name in reference.iter().flat_map(|reference| reference["vars"].as_object().unwrap().keys()) {
        if !ours.contains(&plain(name)) {
            differ.push(format!("{} only netcdf-c has {name}", short(path)));
        }
    }
}

/// What the corpus says of each `.dods`: whether its author's walk over its bytes could account for them all, and the
/// features of its case.
fn manifest(root: &Path) -> BTreeMap<String, (bool, String)> {
    let text = String::from_utf8(bytes(&root.join("MANIFEST.tsv"))).unwrap();
    let mut bodies = BTreeMap::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        for check in columns[8].split("; ") {
            if let Some((name, outcome)) = check.split_once(".dods:") {
                let whole = outcome == "exact" || outcome == "trailing 1";
                bodies.insert(format!("{}/{name}.dods", columns[0]), (whole, columns[7].to_owned()));
            }
        }
    }
    bodies
}

#[test]
fn every_response_is_decoded_as_others_decode_it() {
    let Some(files) = files() else { return };
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let (mut refused, mut differ, mut unsupported) = (Vec::new(), Vec::new(), Vec::new());
    let manifest = manifest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"));
    // Bodies decoded, of how many with that feature.
    let mut features: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for path in &files["dods"] {
        let tally = tallies.entry(server(path)).or_default();
        tally.bodies += 1;
        let decoded = decode_dods(&bytes(path), das(path).as_deref(), true);
        for feature in manifest.get(&short(path)).iter().flat_map(|(_, features)| features.split(',')) {
            let [read, all] = features.entry(feature).or_default();
            *read += usize::from(decoded.is_ok());
            *all += 1;
        }
        match decoded {
            Err(error) => {
                let source = std::error::Error::source(&error).map_or(String::new(), |source| format!(": {source}"));
                say(&format!("  refused {}: {error}{source}", short(path)));
                refused.push(short(path));
            }
            Ok(decoded) => {
                tally.decoded += 1;
                tally.unsupported += decoded.unsupported.len();
                unsupported.extend(decoded.unsupported.iter().map(|u| format!("{}: {}", u.name, u.reason)));
                against_netcdf(&decoded, path, tally, &mut differ);
                against_libdap(&decoded, path, tally, &mut differ);
            }
        }
    }
    say(
        "server: bodies, decoded; variables like netcdf-c: numbers, texts, not compared; bodies like libdap: texts, numbers",
    );
    let mut sums = [0; 7];
    for (server, tally) in &tallies {
        let without: usize = tally.without.values().sum();
        let [texts, numbers] = tally.libdap;
        let row = [tally.bodies, tally.decoded, tally.numbers, tally.texts, without, texts, numbers];
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        say(&format!("  {server}: {row:?} {:?}", tally.without));
    }
    say(&format!("  all: {sums:?}"));
    for (feature, [read, all]) in features.iter().filter(|(_, [read, all])| read < all) {
        say(&format!("  feature {feature}: {read} of {all} decoded"));
    }
    for line in unsupported.iter().chain(&differ) {
        say(&format!("  {line}"));
    }
    assert_eq!(differ, [""; 0]);
    // Every one of them is broken by its server, or is no response; the corpus' author could not read them either.
    let broken: Vec<&String> = manifest.iter().filter(|(_, (whole, _))| !whole).map(|(name, _)| name).collect();
    let (errors, refused): (Vec<_>, Vec<_>) = refused.iter().partition(|name| name.starts_with("errors/"));
    assert_eq!(refused, broken);
    assert_eq!(errors.len(), 1);
    let nested = unsupported.iter().filter(|line| line.ends_with("Sequences inside Sequences are not read")).count();
    assert_eq!((unsupported.len(), nested), (4, 3));
    assert_eq!(sums, [256, 232, 1085, 146, 161, 58, 183]);
}

/// A generator of numbers; the same ones every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[test]
fn no_part_and_no_change_of_a_response_is_trusted() {
    let Some(files) = files() else { return };
    let mut dice = Dice(7);
    let (mut parts, mut changes, mut taken) = (0, 0, 0);
    for path in &files["dods"] {
        let body = bytes(path);
        if body.len() > 20_000 {
            continue;
        }
        // Arrays without elements have one count or two, so a part may be whole; and what is sent as it should be only.
        let whole = decode_dods(&body, None, false).is_ok() && !short(path).contains("/zero");
        for _ in 0..64 {
            let part = decode_dods(&body[..dice.below(body.len())], None, false);
            assert!(part.is_err() || !whole, "{}", short(path));
            parts += 1;
        }
        for _ in 0..200 {
            let mut body = body.clone();
            let at = dice.below(body.len());
            body[at] ^= u8::try_from(1 + dice.below(255)).unwrap();
            changes += 1;
            taken += usize::from(decode_dods(&body, None, true).is_ok());
        }
    }
    say(&format!("{parts} parts; {changes} changes, of which {taken} gave another value"));
    assert!(parts > 10_000 && taken < changes);
}
