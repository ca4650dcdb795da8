//! A response that somebody saved, and what is in it.

use std::{io::Read as _, path::Path, process::ExitCode};

use comfy_table::Table;
use dap::{Content, Decoded, DecodedVariable};
use run::{Reason, ReasonKind};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    arguments::DecodeArguments,
    examine::line::clean,
    failure::Failure,
    plan::{align_numbers, new_table},
    printer::Printer,
    units::{bytes, counted},
};

/// The largest body that is read: it is held in memory whole, and its values beside it.
const MAX_BODY_BYTES: u64 = 4 << 30;
/// The largest document beside it.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// Decodes a saved response and shows what it holds.
pub(crate) fn decode(arguments: &DecodeArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let decoded = read(&arguments.file)?;
    if printer.json() {
        Printer::data(&document(&decoded).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let name = arguments.file.display().to_string();
    let variables = counted(decoded.variables.len() as u64, "variable");
    Printer::data(&format!("{} ({variables}, {})", clean(&name), bytes(decoded.variables.iter().map(size).sum())));
    Printer::data(&table(&decoded).trim_fmt());
    for unsupported in &decoded.unsupported {
        Printer::data(&format!("not decoded: `{}`: {}", clean(&unsupported.name), clean(&unsupported.reason)));
    }
    for warning in &decoded.warnings {
        Printer::data(&format!("note: {}", clean(warning)));
    }
    Ok(ExitCode::SUCCESS)
}

/// By the file's suffix: what it says of itself is looked at too, so that a mistaken one is told as such.
fn read(file: &Path) -> Result<Decoded, Failure> {
    let body = whole(file, MAX_BODY_BYTES)?;
    let beside = |suffix: &str| {
        let path = file.with_extension(suffix);
        if path.is_file() { whole(&path, MAX_DOCUMENT_BYTES).map(Some) } else { Ok(None) }
    };
    let suffix = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let decoded = match suffix.as_str() {
        "dods" => dap::decode_dods(&body, beside("das")?.as_deref(), true),
        "dap" => dap::decode_dap(&body, beside("dmr")?.as_deref()),
        _ => {
            return Err(refused(format!(
                "{} has the suffix `{suffix}`, expected .dods (DAP2) or .dap (DAP4): a data response as a server sent it",
                file.display()
            )));
        }
    };
    decoded.map_err(|error| {
        let reason = Reason::from_error(ReasonKind::BadRequest, &error);
        refused(format!("{}: {}", file.display(), reason.message))
    })
}

fn refused(message: String) -> Failure {
    Reason::new(ReasonKind::BadRequest, message).into()
}

fn whole(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let failed = |what: String| refused(format!("{}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(failed(format!("it is longer than {most} bytes, the most that is read")));
    }
    Ok(bytes)
}

fn size(variable: &DecodedVariable) -> u64 {
    match &variable.content {
        Content::Numbers { bytes, .. } => bytes.len() as u64,
        Content::Text(texts) => texts.iter().map(|text| text.len() as u64).sum(),
        Content::Opaque(blobs) => blobs.iter().map(|blob| blob.len() as u64).sum(),
    }
}

/// The type's name, as numpy has it where it has one.
fn dtype(content: &Content) -> &'static str {
    match content {
        Content::Numbers { element, .. } => element.name(),
        Content::Text(_) => "string",
        Content::Opaque(_) => "opaque",
    }
}

fn dimensions(variable: &DecodedVariable) -> String {
    let words = variable.dimensions.iter().map(|dimension| match &dimension.name {
        Some(name) => format!("{} {}", clean(name), dimension.size),
        None => dimension.size.to_string(),
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() { "scalar".to_owned() } else { words.join(" × ") }
}

/// SHA-256 of the values: numbers as little-endian bytes in C order; texts as UTF-8 with a NUL between each two; blobs one
/// after the other.
fn digest(content: &Content) -> String {
    let mut hash = Sha256::new();
    match content {
        Content::Numbers { element, bytes } => {
            if cfg!(target_endian = "little") || element.size() == 1 {
                hash.update(bytes);
            } else {
                for number in bytes.chunks_exact(element.size()) {
                    let turned: Vec<u8> = number.iter().rev().copied().collect();
                    hash.update(turned);
                }
            }
        }
        Content::Text(texts) => hash.update(texts.join("\0")),
        Content::Opaque(blobs) => blobs.iter().for_each(|blob| hash.update(blob)),
    }
    hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn table(decoded: &Decoded) -> Table {
    let mut table = new_table(&["variable", "type", "shape", "size", "SHA-256 of the values"]);
    for variable in &decoded.variables {
        table.add_row(vec![
            clean(&variable.name),
            dtype(&variable.content).to_owned(),
            dimensions(variable),
            bytes(size(variable)),
            digest(&variable.content).chars().take(16).collect(),
        ]);
    }
    align_numbers(&mut table, &[3]);
    table
}

fn document(decoded: &Decoded) -> Value {
    let variables = decoded.variables.iter().map(|variable| {
        let mut fields = json!({
            "dtype": dtype(&variable.content),
            "shape": variable.dimensions.iter().map(|dimension| dimension.size).collect::<Vec<_>>(),
            "dimensions": variable.dimensions.iter().map(|dimension| dimension.name.clone()).collect::<Vec<_>>(),
            "sha256": digest(&variable.content),
            "attributes": attributes(&variable.attributes),
        });
        if let (Content::Text(texts), Some(fields)) = (&variable.content, fields.as_object_mut()) {
            fields.insert("strings".to_owned(), json!(texts));
        }
        (variable.name.clone(), fields)
    });
    let unsupported: Vec<_> =
        decoded.unsupported.iter().map(|u| json!({ "name": u.name, "reason": u.reason })).collect();
    json!({
        "variables": Value::Object(variables.collect::<Map<_, _>>()),
        "attributes": attributes(&decoded.attributes),
        "unsupported": unsupported,
        "warnings": decoded.warnings,
    })
}

fn attributes(attributes: &cf::Attributes) -> Value {
    Value::Object(zarr::group_attributes(attributes).attributes.into_iter().collect::<Map<_, _>>())
}
