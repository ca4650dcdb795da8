//! Every response of real servers we have: `../shared/corpus` beside the repository, if it is there.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use dap::{BodyError, Dataset, ParseError, WireType};
use sha2::{Digest as _, Sha256};

use crate::body::Ask;

const NO_DDS: &[u8] = b"Dataset { } d;";
const NO_DAS: &[u8] = b"Attributes { }";

pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::OpenOptions::new().read(true).open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Every file of the corpus, by extension.
pub(crate) fn files() -> Option<BTreeMap<String, Vec<PathBuf>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !root.is_dir() {
        say("SKIPPED: no corpus at ../shared/corpus, real servers' responses are not tested");
        return None;
    }
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                files.entry(extension).or_default().push(path);
            }
        }
    }
    for paths in files.values_mut() {
        paths.sort();
    }
    Some(files)
}

pub(crate) fn short(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.split_once("corpus/").map_or(text.as_ref(), |(_, rest)| rest).to_owned()
}

/// Parses every file of one kind and tells of the refused; how many were read.
fn parse_all(paths: &[PathBuf], parse: impl Fn(&[u8]) -> Result<Dataset, ParseError>) -> (usize, Vec<String>) {
    let mut read = 0;
    let mut refused = Vec::new();
    for path in paths {
        match parse(&bytes(path)) {
            Ok(_) => read += 1,
            Err(error) => {
                say(&format!("  refused {}: {error}", short(path)));
                refused.push(short(path));
            }
        }
    }
    (read, refused)
}

#[test]
fn every_dds_and_das_is_read_or_refused_with_a_reason() {
    let Some(files) = files() else { return };
    let (dds, refused) = parse_all(&files["dds"], |text| Dataset::from_dap2(text, NO_DAS));
    let (das, no_das) = parse_all(&files["das"], |text| Dataset::from_dap2(NO_DDS, text));
    say(&format!("{dds} DDS read, {} refused; {das} DAS read, {} refused", refused.len(), no_das.len()));
    assert!(dds > 250 && das > 250);
    // Deliberately broken (libdap's tests, an ERDDAP snippet cut short), a DAS under the name of a DDS, a server error.
    assert!(
        refused.iter().all(|path| ["erddap-text/", "errors/", "libdap-parse/"].iter().any(|of| path.starts_with(of)))
    );
    assert_eq!(no_das, [""; 0]);
}

#[test]
fn every_saved_error_is_recognised() {
    let Some(files) = files() else { return };
    let ask = Ask { projection: "v".to_owned(), wire: WireType::Byte, counts: vec![] };
    for path in &files["body"] {
        let body = bytes(path);
        let error = self::ask(&body).and_then(Result::ok).unwrap_or(ask.clone()).decode(&body, &[]).unwrap_err();
        say(&format!("  {}: {error}", short(path)));
        let name = short(path);
        if name.contains("truncated") {
            assert!(matches!(error, BodyError::Truncated { .. }), "{name}: {error:?}");
        } else if name.starts_with("errors/") {
            assert!(matches!(error, BodyError::ServerError(_)), "{name}: {error:?}");
        }
    }
}

/// The arrays of a body as its header declares them, and whether there is but one and it is a number's.
fn ask(body: &[u8]) -> Option<Result<Ask, ()>> {
    let at = body.windows(6).position(|window| window == b"\nData:")?;
    let dataset = Dataset::from_dap2(&body[..=at], NO_DAS).ok()?;
    Some(match (dataset.variables.as_slice(), dataset.unsupported.as_slice()) {
        ([variable], []) => Ok(Ask {
            projection: variable.projection.to_string(),
            wire: variable.wire,
            counts: variable.shape().unwrap().sizes().to_vec(),
        }),
        _ => Err(()),
    })
}

/// The SHA-256 netCDF's own client gives for the values of the one variable of a body.
fn reference(path: &Path) -> Option<String> {
    let reader: serde_json::Value = serde_json::from_slice(&bytes(&{
        let beside = path.with_extension("netcdf-c.json");
        if !beside.is_file() {
            return None;
        }
        beside
    }))
    .ok()?;
    let variables = reader.get("vars")?.as_object()?;
    let variable = variables.values().next().filter(|_| variables.len() == 1)?;
    Some(variable.get("sha256_le")?.as_str()?.to_owned())
}

/// The SHA-256 of native elements in little-endian order.
pub(crate) fn digest(mut native: Vec<u8>, size: usize) -> String {
    if cfg!(target_endian = "big") {
        native.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    Sha256::digest(native).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn every_body_of_one_array_is_decoded() {
    let Some(files) = files() else { return };
    let (mut decoded, mut compared, mut several, mut none) = (0, 0, 0, 0);
    let (mut refused, mut differ) = (Vec::new(), Vec::new());
    for path in &files["dods"] {
        let body = bytes(path);
        let ask = match ask(&body) {
            Some(Ok(ask)) => ask,
            // For a decoder of several arrays, one day.
            Some(Err(())) => {
                several += 1;
                continue;
            }
            None => {
                say(&format!("  no response: {}", short(path)));
                none += 1;
                continue;
            }
        };
        let whole = ask.decode(&body, &[]);
        assert_eq!(whole, ask.decode(&body, &vec![3; body.len() / 3]), "{}", short(path));
        match whole {
            Ok(values) => {
                decoded += 1;
                let found = digest(values, ask.wire.element().size());
                let reference = reference(path);
                compared += usize::from(reference.is_some());
                if reference.is_some_and(|reference| reference != found) {
                    differ.push(short(path));
                }
            }
            Err(error) => refused.push(format!("{} ({error})", short(path))),
        }
    }
    say(&format!("{decoded} bodies decoded, {compared} compared; skipped: {several} of several arrays, {none} errors"));
    assert!(decoded > 20);
    assert_eq!(refused, [""; 0]);
    // A scalar byte in the first-byte form: the file has 42, netCDF's client reads 0.
    assert!(differ.iter().all(|path| path.starts_with("live-pydap-3.4.1/types4a/")), "{differ:?}");
}
