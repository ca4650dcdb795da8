use std::fmt::Write as _;

use grid::ElementType;

use crate::{Content, DecodeError, Decoded, DecodedVariable, ParseError, decode_dods};

/// A body from its declarations and its data, of which each word is written as eight hexadecimal digits.
fn body(declarations: &str, words: &str) -> Vec<u8> {
    let mut body = format!("Dataset {{ {declarations} }} d;\nData:\n").into_bytes();
    for word in words.split_whitespace() {
        body.extend(u32::from_str_radix(word, 16).unwrap().to_be_bytes());
    }
    body
}

fn start(declarations: &str) -> u64 {
    body(declarations, "").len() as u64
}

fn decode(declarations: &str, words: &str) -> Result<Decoded, DecodeError> {
    decode_dods(&body(declarations, words), None, false)
}

fn variables(declarations: &str, words: &str) -> Vec<DecodedVariable> {
    let decoded = decode(declarations, words).unwrap();
    assert_eq!(decoded.unsupported, []);
    decoded.variables
}

/// `name[dimension = size]… type values`.
fn described(variable: &DecodedVariable) -> String {
    let mut text = variable.name.clone();
    for dimension in &variable.dimensions {
        let name = dimension.name.as_ref().map_or(String::new(), |name| format!("{name} = "));
        write!(text, "[{name}{}]", dimension.size).unwrap();
    }
    match &variable.content {
        Content::Text(texts) => text + " text " + &texts.join("|"),
        Content::Numbers { element, bytes } => {
            let values: Vec<String> = bytes.chunks_exact(element.size()).map(|bytes| value(*element, bytes)).collect();
            format!("{text} {element} {}", values.join(" ")).trim_end().to_owned()
        }
        Content::Opaque(_) => unreachable!("DAP2 has no opaque values"),
    }
}

fn value(element: ElementType, bytes: &[u8]) -> String {
    match element {
        ElementType::Int8 => i8::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::UInt8 => bytes[0].to_string(),
        ElementType::Int16 => i16::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::UInt16 => u16::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::Int32 => i32::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::UInt32 => u32::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::Float32 => f32::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::Float64 => f64::from_ne_bytes(bytes.try_into().unwrap()).to_string(),
        ElementType::Int64 | ElementType::UInt64 => unreachable!("DAP2 has no 64-bit integers"),
    }
}

#[track_caller]
fn check(declarations: &str, words: &str, expected: &[&str]) {
    let found: Vec<_> = variables(declarations, words).iter().map(described).collect();
    assert_eq!(found, expected, "{declarations}");
}

#[test]
fn scalars() {
    check("Byte b; Byte c; Byte d;", "000000c0 ffffffc0 c0000000", &["b uint8 192", "c uint8 192", "d uint8 192"]);
    check("Int16 i; UInt16 u;", "fffffffe 0000fffe", &["i int16 -2", "u uint16 65534"]);
    // Servers disagree on the extension.
    check("Int16 i; UInt16 u;", "0000fffe fffffffe", &["i int16 -2", "u uint16 65534"]);
    check("Int32 i; UInt32 u;", "fffffffe fffffffe", &["i int32 -2", "u uint32 4294967294"]);
    check("Float32 f; Float64 g;", "3fc00000 c0040000 00000000", &["f float32 1.5", "g float64 -2.5"]);
    check("String s; Url u;", "00000003 616263ff 00000004 64656667", &["s text abc", "u text defg"]);
    check("String s; Int32 i;", "00000000 00000007", &["s text ", "i int32 7"]);
    // Not UTF-8, so ISO 8859-1.
    check("String s;", "00000001 e9000000", &["s text é"]);
    check("String s;", "00000002 c3a90000", &["s text é"]);
}

#[test]
fn arrays() {
    check("Byte b[x = 5];", "00000005 00000005 01020304 ff000000", &["b[x = 5] uint8 1 2 3 4 255"]);
    check(
        "Byte b[5]; Byte c[1];",
        "00000005 00000005 01020304 05abcdef 00000001 00000001 09000000",
        &["b[5] uint8 1 2 3 4 5", "c[1] uint8 9"],
    );
    check("Int16 i[y = 1][x = 2];", "00000002 00000002 ffffffff 00000001", &["i[y = 1][x = 2] int16 -1 1"]);
    check("Float64 f[1];", "00000001 00000001 3ff80000 00000000", &["f[1] float64 1.5"]);
    check(
        "String s[n = 2]; Byte b;",
        "00000002 00000001 61000000 00000005 62636465 66777777 00000001",
        &["s[n = 2] text a|bcdef", "b uint8 1"],
    );
}

#[test]
fn arrays_without_elements_have_one_count_or_two() {
    let declarations = "Int32 a[t = 0]; Int32 b; Byte c[0]; String s[0];";
    let expected = ["a[t = 0] int32", "b int32 0", "c[0] uint8", "s[0] text "];
    check(declarations, "00000000 00000000 00000000 00000000", &expected);
    check(declarations, "00000000 00000000 00000000 00000000 00000000 00000000", &expected);
    // One of each is neither.
    let error = decode(declarations, "00000000 00000000 00000000 00000000 00000000").unwrap_err();
    assert_eq!(error, DecodeError::Ended { at: start(declarations) + 20, expected: "the count of `s`, 0".to_owned() });
}

#[test]
fn structures_are_their_members() {
    let declarations = "Structure { Byte b; Structure { Int32 i[x = 1]; } u; } s; Int32 last;";
    let expected = ["s.b uint8 1", "s.u.i[x = 1] int32 7", "last int32 9"];
    check(declarations, "00000001 00000001 00000001 00000007 00000009", &expected);
    check("Structure { } s; Structure { } t[1000000]; Int32 i;", "000f4240 00000001", &["i int32 1"]);
}

#[test]
fn arrays_of_structures_are_arrays_of_their_members() {
    check(
        "Structure { Int16 i; Int32 j[x = 2]; String s; Structure { Byte b; } u[1]; } a[n = 2]; Byte z;",
        "00000002 \
         00000001 00000002 00000002 0000000a 0000000b 00000001 61000000 00000001 00000021 \
         00000002 00000002 00000002 0000000c 0000000d 00000001 62000000 00000001 00000022 \
         00000005",
        &[
            "a.i[n = 2] int16 1 2",
            "a.j[n = 2][x = 2] int32 10 11 12 13",
            "a.s[n = 2] text a|b",
            "a.u.b[n = 2][1] uint8 33 34",
            "z uint8 5",
        ],
    );
    check("Structure { Int32 i; } a[n = 0];", "00000000", &["a.i[n = 0] int32"]);
}

const GRIDS: &str = "Grid { Array: Byte a[x = 2]; Maps: Int32 x[x = 2]; } a; \
                     Grid { Array: Byte b[x = 2]; Maps: Int32 x[x = 2]; } b;";

#[test]
fn grids_are_their_arrays_and_maps() {
    let a = "00000002 00000002 01020000 00000002 00000002 00000003 00000004 ";
    let same = "00000002 00000002 05060000 00000002 00000002 00000003 00000004";
    let other = "00000002 00000002 05060000 00000002 00000002 00000003 00000005";
    check(GRIDS, &(a.to_owned() + same), &["a[x = 2] uint8 1 2", "x[x = 2] int32 3 4", "b[x = 2] uint8 5 6"]);
    // Two parts of one dataset, asked for together.
    check(
        GRIDS,
        &(a.to_owned() + other),
        &["a[x = 2] uint8 1 2", "a.x[x = 2] int32 3 4", "b[x = 2] uint8 5 6", "b.x[x = 2] int32 3 5"],
    );
    let declared = "00000002 00000002 00000003 00000004";
    check(
        &(GRIDS.to_owned() + "Int32 x[x = 2];"),
        &[a, other, " ", declared].concat(),
        &["a[x = 2] uint8 1 2", "b[x = 2] uint8 5 6", "b.x[x = 2] int32 3 5", "x[x = 2] int32 3 4"],
    );
    check(
        "Structure { Grid { Array: String g[x = 1]; Maps: Byte x[x = 1]; } h; } s;",
        "00000001 00000001 61000000 00000001 00000001 07000000",
        &["s.h[x = 1] text a", "s.x[x = 1] uint8 7"],
    );
}

#[test]
fn sequences_are_columns() {
    check(
        "Sequence { Int32 i; String s; Structure { Byte b[x = 2]; } u; } q; Byte z;",
        "5a000000 00000001 00000001 61000000 00000002 00000002 01020000 \
         5a000000 00000002 00000001 62000000 00000002 00000002 03040000 a5000000 00000009",
        &["q.i[q = 2] int32 1 2", "q.s[q = 2] text a|b", "q.u.b[q = 2][x = 2] uint8 1 2 3 4", "z uint8 9"],
    );
    check("Sequence { Int32 i; } q;", "a5000000", &["q.i[q = 0] int32"]);
    check("Structure { Sequence { Int32 i; } q; } s;", "5a000000 00000001 a5000000", &["s.q.i[s.q = 1] int32 1"]);
}

#[test]
fn what_is_not_read_is_walked_over() {
    let list = |declarations: &str, words: &str| {
        let decoded = decode(declarations, words).unwrap();
        let variables: Vec<_> = decoded.variables.iter().map(described).collect();
        let unsupported: Vec<_> = decoded.unsupported.into_iter().map(|u| u.name + ": " + &u.reason).collect();
        [variables, unsupported].concat()
    };
    assert_eq!(
        list(
            "Sequence { Int32 i; Sequence { String s; Sequence { Byte b; } r; } q; Int16 j; } p; Byte z;",
            "5a000000 00000001 5a000000 00000001 61000000 5a000000 00000001 a5000000 a5000000 00000002 \
             5a000000 00000003 a5000000 00000004 a5000000 00000009",
        ),
        ["p.i[p = 2] int32 1 3", "p.j[p = 2] int16 2 4", "z uint8 9", "p.q: Sequences inside Sequences are not read"]
    );
    assert_eq!(
        list(
            "Structure { Sequence { Int32 i; } q; Byte b; } s[2]; Byte z;",
            "00000002 5a000000 00000001 a5000000 00000001 a5000000 00000002 00000009",
        ),
        ["s.b[2] uint8 1 2", "z uint8 9", "s.q: Sequences inside arrays of Structures are not read"]
    );
    assert_eq!(
        list(
            "Grid { Array: Byte a[1]; Maps: Byte x[1]; } g[1]; Byte z;",
            "00000001 00000001 00000001 07000000 00000001 00000001 08000000 00000009"
        ),
        ["z uint8 9", "g: arrays of Grids are not read"]
    );
    assert_eq!(
        list("Sequence { Int32 i; } q[2]; Byte z;", "00000002 5a000000 00000001 a5000000 a5000000 00000009"),
        ["z uint8 9", "q: arrays of Sequences are not read"]
    );
    assert_eq!(list("Byte z; Byte z;", "00000009 00000008"), ["z uint8 9", "z: another variable has the same name"]);
}

#[test]
fn every_byte_is_accounted_for() {
    let at = start("Int32 i[2];");
    let ended = |offset, expected: &str| DecodeError::Ended { at: at + offset, expected: expected.to_owned() };
    assert_eq!(decode("Int32 i[2];", "00000002 00000002 00000001"), Err(ended(8, "8 bytes of `i`")));
    assert_eq!(decode("Int32 i[2];", "00000002"), Err(ended(4, "the count of `i`, 2")));
    let error = decode("Int32 i[2];", "00000002 00000002 00000001 00000002 00000003");
    assert_eq!(error, Err(DecodeError::Trailing { at: at + 16, bytes: 4 }));
    let wrong = |declarations: &str, words: &str, offset: u64, expected: &str, found: &str| {
        let at = start(declarations) + offset;
        let error = DecodeError::Wrong { at, expected: expected.to_owned(), found: found.to_owned() };
        assert_eq!(decode(declarations, words), Err(error));
    };
    wrong("Int32 i[2];", "00000003 00000003", 0, "the count of `i`, 2", "3");
    wrong("Int32 i[2];", "00000002 00000003", 4, "the count of `i`, 2", "3");
    wrong("Int32 i[2];", "6e6f2064", 0, "the count of `i`, 2", "the text `no d`");
    wrong("Int16 i;", "00010000", 0, "`i`, a 16-bit value in four bytes, its sign or zeros before it", "00010000");
    wrong("Byte b;", "01020304", 0, "`b`, a byte in the first or the last of four", "01020304");
    wrong(
        "Sequence { Byte b; } q;",
        "5b000000",
        0,
        "5a000000 before a row of `q` or a5000000 after its last",
        "5b000000",
    );
    wrong("Int32 i; Int64 j;", "00000001", 0, "`j` to have one of DAP2's types", "Int64");
}

#[test]
fn one_byte_too_many_is_for_files_only() {
    let mut body = body("Int32 i;", "00000001");
    body.push(b'\n');
    assert!(matches!(decode_dods(&body, None, false), Err(DecodeError::Trailing { bytes: 1, .. })));
    let decoded = decode_dods(&body, None, true).unwrap();
    assert_eq!(decoded.warnings, ["one byte after the end of the data was ignored"]);
    body.push(b'\n');
    assert!(matches!(decode_dods(&body, None, true), Err(DecodeError::Trailing { bytes: 2, .. })));
}

#[test]
fn the_server_says_why() {
    for message in [
        "Error {\n code = 500;\n message = \"no disk\";\n};\n",
        "<?xml version=\"1.0\"?><BESError><Type>1</Type><Message>no disk</Message></BESError>",
    ] {
        for words in ["", "00000002", "00000002 00000002", "00000002 00000002 00000001 00000002"] {
            let mut body = body("Int32 i[2];", words);
            body.extend(message.as_bytes());
            match decode_dods(&body, None, false) {
                Err(DecodeError::ServerError(error)) => assert_eq!(error.message, "no disk"),
                other => panic!("{words}: {other:?}"),
            }
        }
        let error = decode_dods(message.as_bytes(), None, false).unwrap_err();
        assert!(matches!(error, DecodeError::ServerError(_)), "{error:?}");
    }
    let error = decode_dods(b"<html><title>Log in</title></html>", None, false).unwrap_err();
    assert_eq!(error, DecodeError::Metadata(ParseError::NotDap { title: "Log in".to_owned() }));
    let error = decode_dods(b"Dataset { Int32 i; } d;\n", None, false).unwrap_err();
    assert_eq!(error, DecodeError::Ended { at: 24, expected: "a line `Data:`".to_owned() });
    assert!(matches!(decode_dods(b"Dataset { Int32", None, false), Err(DecodeError::Ended { at: 15, .. })));
}

#[test]
fn counts_cost_no_memory() {
    for declarations in [
        "Float64 f[1000000][1000000];",
        "Byte b[4294967295];",
        "String s[4294967295];",
        "Structure { Float64 f[1000]; String s; } s[4294967295];",
        "Structure { Structure { Byte b; } t[1000000]; } s[1000000];",
    ] {
        let error = decode(declarations, "ffffffff ffffffff ffffffff").unwrap_err();
        assert!(matches!(error, DecodeError::Ended { .. } | DecodeError::Wrong { .. }), "{declarations}: {error:?}");
    }
    let deep = format!("{}Byte b;{}", "Structure { ".repeat(31), format!(" }} {};", "s".repeat(255)).repeat(31));
    assert!(decode(&deep, "00000001").is_ok());
    let wide = format!(
        "{}{}{}",
        "Structure { ".repeat(31),
        "Byte b;".repeat(9_000),
        format!(" }} {};", "s".repeat(255)).repeat(31)
    );
    assert!(matches!(decode(&wide, "00000001"), Err(DecodeError::TooLarge { .. })));
    // Every member has the dimensions of the Structures around it.
    let named =
        format!("Structure {{ {} }} s{};", "Byte b;".repeat(9_000), format!("[{} = 1]", "d".repeat(255)).repeat(31));
    assert!(matches!(decode(&named, "00000001"), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn attributes_go_to_their_variables() {
    let das = b"Attributes {
        NC_GLOBAL { String title \"t\"; }
        b { String _Unsigned \"false\"; }
        i { String _Unsigned \"true\"; Float32 scale_factor 0.5; }
        l { String _Unsigned \"TRUE\"; }
        q { s { String units \"m\"; } String note \"rows\"; }
        absent { String units \"K\"; }
        g { g { String long_name \"grid\"; } x { String axis \"X\"; } }
    }";
    let declarations = "Byte b; Int16 i; Int32 l; Sequence { String s; } q; \
                        Grid { Array: Byte g[x = 1]; Maps: Byte x[x = 1]; } g;";
    let words =
        "000000ff ffffffff ffffffff 5a000000 00000000 a5000000 00000001 00000001 07000000 00000001 00000001 08000000";
    let decoded = decode_dods(&body(declarations, words), Some(das), false).unwrap();
    let found: Vec<_> = decoded.variables.iter().map(described).collect();
    assert_eq!(
        found,
        [
            "b int8 -1",
            "i uint16 65535",
            "l uint32 4294967295",
            "q.s[q = 1] text ",
            "g[x = 1] uint8 7",
            "x[x = 1] uint8 8",
        ]
    );
    let text = |at: usize, name: &str| decoded.variables[at].attributes.text(name);
    assert_eq!(text(0, "_Unsigned"), Some("false"));
    assert_eq!(text(3, "units"), Some("m"));
    assert_eq!(text(4, "long_name"), Some("grid"));
    assert_eq!(text(5, "axis"), Some("X"));
    assert_eq!(decoded.attributes.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["title", "q.note"]);
    assert_eq!(
        decoded.warnings,
        [
            "`absent` is not in the response, its attributes are left out",
            "`i` is marked as unsigned and may be bytes that the server widened (Hyrax): then 65535 stands for 255",
        ]
    );
    let error = decode_dods(&body(declarations, words), Some(b"Attributes {"), false).unwrap_err();
    assert!(matches!(error, DecodeError::Metadata(ParseError::Ended { .. })), "{error:?}");
}
