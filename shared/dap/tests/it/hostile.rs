//! Texts meant to hurt. F81: sizes that overflow. F82: deep nesting. F92: injection. F93: quadratic parsing.

use std::time::Instant;

use dap::{Dataset, ParseError};

const NO_DAS: &[u8] = b"Attributes { }";
const NO_DDS: &[u8] = b"Dataset { } d;";

fn dds(text: &str) -> ParseError {
    Dataset::from_dap2(text.as_bytes(), NO_DAS).unwrap_err()
}

fn das(text: &str) -> Result<Dataset, ParseError> {
    Dataset::from_dap2(NO_DDS, text.as_bytes())
}

#[test]
fn limits_are_errors_of_their_own() {
    assert!(matches!(dds("Dataset { Int32 a[4294967296][4294967296]; } d;"), ParseError::Shape { .. }));
    assert!(matches!(dds("Dataset { Int32 a[-1]; } d;"), ParseError::Unexpected { .. }));
    assert!(matches!(dds("Dataset { Int32 a[99999999999999999999]; } d;"), ParseError::Unexpected { .. }));
    assert!(matches!(dds(&format!("Dataset {{ Int32 a{}; }} d;", "[1]".repeat(33))), ParseError::Shape { .. }));
    assert!(matches!(dds(&format!("Dataset {{ {}", "Structure { ".repeat(10_000))), ParseError::TooDeep { .. }));
    assert!(matches!(dds(&format!("Dataset {{ {}", "Grid { Array: ".repeat(10_000))), ParseError::TooDeep { .. }));
    assert!(matches!(dds(&format!("Dataset {{ {}", "Byte b; ".repeat(10_001))), ParseError::TooMany { .. }));
    assert!(matches!(dds(&format!("Dataset {{ Byte {};}} d;", "b".repeat(256))), ParseError::TooLarge { .. }));
    assert!(matches!(das(&format!("Attributes {{ {}", "a { ".repeat(10_000))), Err(ParseError::TooDeep { .. })));
    assert!(matches!(das(&format!("Attributes {{ {}", "Byte b; ".repeat(1_000_001))), Err(ParseError::TooMany { .. })));
}

#[test]
fn names_cannot_ask_for_anything_else() {
    let text = b"Dataset { Int32 a&b(c)[2]; Int32 ok; Int32 caf\xe9; } d;";
    let dataset = Dataset::from_dap2(text, NO_DAS).unwrap();
    assert_eq!(dataset.variables.len(), 1);
    let names: Vec<_> = dataset.unsupported.iter().map(|u| u.name.as_str()).collect();
    assert_eq!(names, ["a&b(c)", "café"]);
}

#[expect(clippy::disallowed_methods, reason = "this test is about time")]
pub(crate) fn assert_fast(what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    let seconds = start.elapsed().as_secs_f64();
    // Half a second at most on a quiet machine; anything quadratic takes minutes.
    assert!(seconds < 8.0, "{seconds} s for {what}");
}

/// 16 MiB of one piece after a head.
fn filled(head: &str, piece: &str) -> String {
    head.to_owned() + &piece.repeat(((16 << 20) - head.len()) / piece.len())
}

#[test]
fn sixteen_mebibytes_of_das_take_linear_time() {
    for piece in [
        "{",
        "}",
        "\"",
        ";",
        "#",
        "<",
        "<a ",
        "a ",
        "a\n",
        "a {",
        "a { } ",
        "String a \"",
        "String a \"\\\"; ",
        "String a \"\\\";\n",
        "String b\\\"\\\";\n",
        "String a b c;\n",
        "Byte a ",
        "a{}",
        "\\",
        "String s \"\"\";\n",
        "Float32 a 1,,;\n",
        "Byte a 1,\n",
        "Alias a b;",
        "OtherXML a \"\";",
        "a b c d { } ",
    ] {
        for head in ["Attributes {", "Attributes { v { ", "Attributes { String s \""] {
            let text = filled(head, piece);
            assert_fast(&format!("{head}{piece}…"), || drop(das(&text)));
        }
    }
}

#[test]
fn sixteen_mebibytes_of_dds_take_linear_time() {
    for piece in ["{", "}", "[", "[1]", "Byte b;", "Grid { ", "Structure { } s; ", " ", "#", "a ", "Byte b[x = 1]"] {
        let text = filled("Dataset {", piece);
        assert_fast(piece, || drop(Dataset::from_dap2(text.as_bytes(), NO_DAS)));
    }
}

#[test]
fn many_attributes_take_linear_time() {
    let numbered = |count: usize| (0..count).fold(String::new(), |text, i| text + &format!("Byte a{i} 1;"));
    assert_fast("10,000 attributes", || {
        let dataset = das(&format!("Attributes {{ {} }}", numbered(10_000))).unwrap();
        assert_eq!(dataset.attributes.len(), 10_000);
    });
    assert_fast("200,000 attributes", || {
        let error = das(&format!("Attributes {{ {} }}", numbered(200_000))).unwrap_err();
        assert!(matches!(error, ParseError::TooMany { .. }));
    });
    let table = numbered(1_000);
    let spread = (0..900).fold(String::new(), |text, i| text + &format!("c{i} {{ {table} }}"));
    assert_fast("900 tables of 1,000", || drop(das(&format!("Attributes {{ {spread} }}"))));
}
