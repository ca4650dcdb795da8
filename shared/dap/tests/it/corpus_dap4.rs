//! Every DMR and every DAP4 response of real servers we have: `../shared/corpus` beside the repository, if it is there.

mod compare;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use dap::{DecodeError, Decoded, ParseError, decode_dap, decode_dap_with_checksums, parse_dmr};
use proptest::test_runner::{RngAlgorithm, TestRng};

use compare::{Row, compare_attributes, compare_checksums, compare_dump, compare_ncdump, compare_netcdf};

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::OpenOptions::new().read(true).open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn text(path: &Path) -> Option<String> {
    path.is_file().then(|| String::from_utf8_lossy(&bytes(path)).into_owned())
}

/// Every file whose name ends so, with its path below the corpus.
fn files(ending: &str) -> Option<Vec<(String, PathBuf)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !root.is_dir() {
        say("SKIPPED: no corpus at ../shared/corpus, real servers' DAP4 responses are not tested");
        return None;
    }
    let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                files.push((path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), path));
            }
        }
    }
    files.sort();
    Some(files)
}

fn folder(name: &str) -> String {
    name.split('/').next().unwrap().to_owned()
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn every_dmr_is_read_or_refused_with_a_reason() {
    let Some(files) = files(".dmr") else { return };
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut refused = Vec::new();
    for (name, path) in &files {
        let row = table.entry(folder(name)).or_default();
        match parse_dmr(&bytes(path)) {
            Ok(_) => row.0 += 1,
            Err(error) => {
                row.1 += 1;
                say(&format!("  refused {name}: {}", chain(&error)));
                refused.push(name.clone());
            }
        }
    }
    for (folder, (read, refused)) in &table {
        say(&format!("{folder:28} {read:4} read {refused:4} refused"));
    }
    let sum = table.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    assert_eq!(sum.0 + sum.1, files.len());
    assert_eq!(sum, (255, 19));
    let of = |from: &str| refused.iter().filter(|name| name.starts_with(from)).count();
    // One is two documents in one file; one has a dimension of varying size, from a draft.
    assert_eq!((of("hyrax-meta/"), of("libdap-dmr/")), (1, 1));
    // Test documents of programs: dimensions that are not declared.
    assert_eq!(of("nasa-dmr/"), 4);
    // Old drafts with dimensions of varying size, and documents without their root element's first line.
    assert_eq!(of("tds5-dmr/"), 13);
}

#[test]
fn every_ddx_is_refused_by_its_name() {
    let Some(files) = files(".ddx") else { return };
    for (name, path) in &files {
        let error = parse_dmr(&bytes(path)).unwrap_err();
        let told = matches!(&error, ParseError::Unexpected { found, .. } if found.contains("DDX"));
        assert!(told || matches!(error, ParseError::ServerError(_)), "{name}: {error}");
    }
    assert_eq!(files.len(), 62);
}

#[test]
fn every_response_is_decoded_or_refused_with_a_reason() {
    let Some(files) = files(".dap") else { return };
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    let mut refused = Vec::new();
    for (name, path) in &files {
        let row = table.entry(folder(name)).or_default();
        let body = bytes(path);
        let (decoded, checksums) = match decode_dap_with_checksums(&body, None) {
            Ok(decoded) => decoded,
            Err(error) => {
                row.refused += 1;
                say(&format!("  refused {name}: {}", chain(&error)));
                refused.push(name.clone());
                continue;
            }
        };
        row.decoded += 1;
        row.variables += decoded.variables.len();
        row.unsupported += decoded.unsupported.len();
        for variable in &decoded.variables {
            let elements: u64 = variable.dimensions.iter().map(|dimension| dimension.size).product();
            assert_eq!(u64::try_from(variable.content.len()).unwrap(), elements, "{name} {}", variable.name);
        }
        row.checksums += checksums.as_slice().iter().flatten().count();
        for warning in &decoded.warnings {
            say(&format!("  {name}: {warning}"));
        }
        for unsupported in &decoded.unsupported {
            say(&format!("  {name}: {} not read, {}", unsupported.name, unsupported.reason));
        }
        if let Some(reader) = text(&path.with_extension("netcdf-c.json")) {
            let reader = serde_json::from_str(&reader).unwrap();
            compare_netcdf(name, &reader, &decoded, row);
            let (equal, differ) = compare_attributes(&reader, &decoded);
            row.attributes += equal;
            row.attributes_differ += differ.len();
            for line in differ {
                say(&format!("  {name}: {line}"));
            }
        }
        for dump in ["libdap.txt", "values.upstream.txt"] {
            if let Some(dump) = text(&path.with_extension(dump)) {
                compare_dump(name, &dump, &decoded, row);
                // Byte-swapped values have other checksums than those dumped of the original.
                if !name.starts_with("derived-big-endian/") {
                    compare_checksums(name, &dump, &decoded, checksums.as_slice(), row);
                }
            }
        }
        if let Some(dump) = text(&path.with_extension("ncdump.upstream")) {
            compare_ncdump(name, &dump, &decoded, row);
        }
        let dmr = path.with_extension("dmr");
        if dmr.is_file() {
            let full = decode_dap(&body, Some(&bytes(&dmr))).unwrap();
            let values = |decoded: &Decoded| decoded.variables.iter().map(|v| v.content.clone()).collect::<Vec<_>>();
            assert_eq!(values(&full), values(&decoded), "{name}");
        }
    }
    for (folder, row) in &table {
        say(&format!("{folder:24} {row:?}"));
    }
    let sum = table.values().map(|row| row.decoded + row.refused).sum::<usize>();
    assert_eq!(sum, files.len());
    let row = |folder: &str| table[folder].clone();
    let read =
        |folder: &str| (row(folder).decoded, row(folder).refused, row(folder).variables, row(folder).unsupported);
    assert_eq!(read("derived-big-endian"), (7, 0, 16, 1));
    assert_eq!(read("hyrax-misc"), (3, 0, 12, 0));
    assert_eq!(read("live-hyrax-bes-1.16.8"), (12, 0, 67, 0));
    assert_eq!(read("netcdf-c-dap4"), (24, 0, 54, 4));
    assert_eq!(read("pydap"), (4, 0, 19, 0));
    assert_eq!(read("tds46-dap4-legacy"), (0, 12, 0, 0));
    assert_eq!(read("tds5-dap4"), (18, 0, 74, 0));
    // What is equal to other readers' values: fewer would mean that a comparison was lost.
    let compared = |of: fn(&Row) -> usize| table.values().map(of).sum::<usize>();
    assert_eq!(compared(|row| row.netcdf[0]), 182);
    assert_eq!((compared(|row| row.netcdf[1]), compared(|row| row.netcdf[2])), (17, 8));
    assert_eq!((compared(|row| row.checksums), compared(|row| row.checksums_told)), (176, 207));
    assert_eq!((compared(|row| row.dumped), compared(|row| row.sequences_dumped)), (199, 2));
    // Those that differ: what servers add for other clients, which we leave out; Byte, which is unsigned; `&quot;`
    // escaped twice by netCDF's client.
    assert_eq!((compared(|row| row.attributes), compared(|row| row.attributes_differ)), (137, 18));
    assert!(refused.iter().all(|name| name.starts_with("tds46-dap4-legacy/")), "{refused:?}");
}

#[test]
fn every_saved_error_is_recognised() {
    let Some(files) = files(".body") else { return };
    let mut recognised = 0;
    for (name, path) in
        files.iter().filter(|(name, _)| name.contains(".dap") || name.contains("dap4") || name.contains(".dmr"))
    {
        let body = bytes(path);
        assert!(matches!(decode_dap(&body, None), Err(DecodeError::ServerError(_))), "{name}");
        assert!(matches!(parse_dmr(&body), Err(ParseError::ServerError(_))), "{name}");
        recognised += 1;
    }
    assert_eq!(recognised, 4);
}

/// Every prefix at 64 places and 200 changed bytes of each small response: an error or a value, never a panic.
#[test]
fn damaged_responses_are_errors_or_values() {
    let Some(files) = files(".dap") else { return };
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut next = |below: usize| {
        use proptest::prelude::Rng as _;
        usize::try_from(random.next_u64() % u64::try_from(below).unwrap()).unwrap()
    };
    let (mut cut, mut same, mut other, mut refused) = (0, 0, 0, 0);
    for (name, path) in &files {
        let body = bytes(path);
        if body.len() > 10_000 || name.starts_with("tds46") {
            continue;
        }
        let whole = decode_dap(&body, None).unwrap();
        for at in 0..64 {
            let end = body.len() * at / 64;
            assert!(decode_dap(&body[..end], None).is_err(), "{name} cut at {end}");
            cut += 1;
        }
        for _ in 0..200 {
            let mut damaged = body.clone();
            let at = next(body.len());
            damaged[at] ^= u8::try_from(1 + next(255)).unwrap();
            match decode_dap(&damaged, None) {
                Ok(decoded) if decoded == whole => same += 1,
                Ok(_) => other += 1,
                Err(_) => refused += 1,
            }
        }
    }
    say(&format!(
        "{cut} prefixes refused; of damaged bodies {same} were read the same, {other} otherwise, {refused} refused"
    ));
    assert!(cut > 3_000 && refused > 3_000);
}
