//! DDS and DAS together. F84: names and texts that are not ASCII. F86: names that are equal. F91: what is not read.

use cf::{Attribute, Attributes, Values};
use dap::{Dataset, Dimension, ParseError, WireType};
use proptest::prelude::*;

fn dataset(dds: &str, das: &str) -> Dataset {
    let dds = format!("Dataset {{ {dds} }} d;");
    let das = format!("Attributes {{\n{das}\n}}\n");
    Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap()
}

fn names(attributes: &Attributes) -> Vec<&str> {
    attributes.iter().map(|(name, _)| name).collect()
}

const CUBE: &str = "Grid { Array: Int16 t[time = 4][lat = 2]; Maps: Float64 time[time = 4]; Float32 lat[lat = 2]; } t; \
     Float64 time[time = 4]; Structure { Byte b; Structure { Int32 i[3]; } u; } s; String note;";

#[test]
fn attributes_find_their_owners() {
    let das = "String direct \"yes\";
        t { String units \"K\"; t { String units \"C\"; Byte own 1; } time { Byte x 1; } lat { String units \"N\"; } }
        time { String units \"days\"; }
        s { Int32 of_s 1; b { Int32 of_b 2; } u { i { Int32 of_i 3; } } nothing { Int32 n 4; } }
        note { Byte n 5; }
        NC_GLOBAL { String title \"T\"; sub { Int32 deep 6; } }
        History { Int32 step 7; inner { Int32 more 8; } }
        DODS_EXTRA { String Unlimited_Dimension \"time\"; }";
    let found = dataset(CUBE, das);
    let of = |name: &str| names(&found.variable(name).unwrap().attributes);
    assert_eq!(of("t"), ["units", "own"]);
    assert_eq!(found.variable("t").unwrap().attributes.text("units"), Some("K"));
    assert_eq!(of("time"), ["units"]);
    assert_eq!(of("lat"), ["units"]);
    assert_eq!(of("s.b"), ["of_b"]);
    assert_eq!(of("s.u.i"), ["of_i"]);
    let globals = ["direct", "s.of_s", "s.nothing.n", "title", "sub.deep", "History.step", "History.inner.more"];
    assert_eq!(names(&found.attributes), globals);
    assert_eq!(found.unlimited.as_deref(), Some("time"));
    assert_eq!(found.unsupported[0].name, "note");
    assert_eq!(found.warnings.len(), 2);
}

#[test]
fn what_servers_add_is_used_and_left_out() {
    let das = "t { UInt32 _ChunkSizes 2, 1; Int32 string_length 3; String DODS_Name \"T\"; DODS { Int32 strlen 7; }
            String dimName \"n\"; String _Unsigned \"true\"; inner { Int32 kept 1; } }
        time { Int32 _ChunkSizes 1, 2; }
        dimensions { Int32 time 4; }";
    let found = dataset(CUBE, das);
    let t = found.variable("t").unwrap();
    assert_eq!(names(&t.attributes), ["_Unsigned", "inner"]);
    assert!(matches!(t.attributes.get("inner"), Some(Attribute::Container(inner)) if inner.len() == 1));
    assert_eq!(t.source_chunks, Some(vec![2, 1]));
    let time = found.variable("time").unwrap();
    assert_eq!((time.attributes.len(), &time.source_chunks), (0, &None));
    assert_eq!(found.warnings, ["`time`: _ChunkSizes is no chunk shape and was ignored"]);
    // pydap's table of dimensions stays, as in netCDF's own client.
    assert_eq!(found.attributes.values("dimensions.time"), Some(&Values::Int32(vec![4])));
}

#[test]
fn attributes_keep_their_types() {
    let das = "b#c { Byte b 0, 255; Int32 e ; Url u http://a.b/c; string s Jan, Feb; Float32 f 1., -nan;
        String q \"a \\\"b\\\" \\\\ \\303\\251\"; Byte wide -1; Float64 bad 3.0.0; Alias z b; } # comment";
    let found = dataset("Int32 b#c[2];", das);
    let attributes = &found.variable("b#c").unwrap().attributes;
    assert_eq!(attributes.values("b"), Some(&Values::UInt8(vec![0, 255])));
    assert_eq!(attributes.values("e"), Some(&Values::Int32(vec![])));
    assert_eq!(attributes.text("u"), Some("http://a.b/c"));
    assert_eq!(attributes.values("s"), Some(&Values::Text(vec!["Jan".to_owned(), "Feb".to_owned()])));
    assert_eq!(attributes.text("q"), Some("a \"b\" \\ é"));
    assert_eq!(attributes.values("wide"), Some(&Values::Int16(vec![-1])));
    assert_eq!(attributes.text("bad"), Some("3.0.0"));
    assert_eq!(attributes.get("z"), None);
    assert_eq!(found.warnings.len(), 2);
}

#[test]
fn a_bad_line_costs_itself_alone() {
    // thredds#598, pydap's bare quotes, an unfinished line, a type nobody knows, XML.
    let das = "v { String path \"C:\\data\\\";\n String said \"say \"hi\" back\\slash\nnew line\";\n Int32 before 1;
        String two \"a\", \"b \"c\" d\";
        Float32 open 3.0\n Int32 mid 2;\n Unheard of 3;\n <x><y/></x>\n OtherXML o \"<a>b</a>\";\n Int32 last 4; }
        with blank { Int32 n 1; }";
    let found = dataset("Int32 v[2];", das);
    let attributes = &found.variable("v").unwrap().attributes;
    assert_eq!(names(attributes), ["path", "said", "before", "two", "mid", "last"]);
    assert_eq!(attributes.text("path"), Some("C:\\data\\"));
    assert_eq!(attributes.text("said"), Some("say \"hi\" back\\slash\nnew line"));
    assert_eq!(attributes.values("two"), Some(&Values::Text(vec!["a".to_owned(), "b \"c\" d".to_owned()])));
    assert_eq!(names(&found.attributes), ["with blank.n"]);
    assert_eq!(found.warnings.len(), 8, "{:?}", found.warnings);
}

#[test]
fn names_are_compared_as_sent_then_decoded() {
    let das = "sea%20temp { Byte a 1; } a.b { Byte b 2; } x { Byte %63 3; } note { Byte d 4; }";
    let found = dataset("Byte sea%20temp; Byte a%2Eb; Structure { Byte x; } s; Structure { Byte note; } w;", das);
    let all: Vec<_> = found.variables.iter().map(|v| (v.name.as_str(), v.attributes.len())).collect();
    assert_eq!(all, [("sea temp", 1), ("a.b", 1), ("s.x", 1), ("w.note", 1)]);
    assert_eq!(found.variables[0].projection.as_str(), "sea%20temp");
    assert_eq!(names(&found.variables[2].attributes), ["c"]);
}

#[test]
fn dimensions_have_names_or_not() {
    let found = dataset("Float32 v[/time = 6][10][ lon%20g = 2 ];", "");
    let dimension = |name: Option<&str>, size| Dimension { name: name.map(str::to_owned), size };
    let expected = [dimension(Some("time"), 6), dimension(None, 10), dimension(Some("lon g"), 2)];
    assert_eq!(found.variables[0].dimensions, expected);
    assert_eq!(found.variables[0].shape().unwrap().sizes(), [6, 10, 2]);
}

#[test]
fn texts_that_are_something_else_say_so() {
    let das = b"Attributes { }".as_slice();
    let dds = b"Dataset { Byte b; } a/b+c.nc;".as_slice();
    assert_eq!(Dataset::from_dap2(dds, das).unwrap().name, "a/b+c.nc");
    let error = Dataset::from_dap2(b"<html><title>Login</title>", das).unwrap_err();
    assert_eq!(error, ParseError::NotDap { title: "Login".to_owned() });
    let error = Dataset::from_dap2(dds, b"Error { code = 404; message = \"gone\"; };").unwrap_err();
    assert!(matches!(error, ParseError::ServerError(error) if error.message == "gone"));
    assert!(matches!(Dataset::from_dap2(dds, b""), Err(ParseError::Ended { .. })));
    let error = Dataset::from_dap2(b"Dataset {\n Byte b[x = ;", das).unwrap_err();
    assert_eq!(error.to_string(), "DDS line 2, byte 22: expected a size, found `;`");
    let error = Dataset::from_dap2(b"Dataset {\n Byte", das).unwrap_err();
    assert_eq!(error.to_string(), "the text ends at DDS line 2, byte 15, expected a name");
}

/// A declaration as text, and what it should become: name, type, sizes.
type Declared = (String, Vec<(String, WireType, Vec<u64>)>);

fn declarations() -> impl Strategy<Value = Declared> {
    let array = (prop::sample::select(WireType::ALL.to_vec()), prop::collection::vec(0_u64..9, 0..4), any::<bool>());
    let leaf = array.prop_map(|(wire, sizes, upper)| {
        let keyword = if upper { wire.keyword().to_uppercase() } else { wire.keyword().to_owned() };
        let brackets = sizes.iter().fold(String::new(), |text, size| format!("{text}[n%20{size} = {size}]"));
        (format!("{keyword} @{brackets};\n"), vec![("@".to_owned(), wire, sizes)])
    });
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop::collection::vec(inner, 1..4).prop_map(|members| {
            let mut text = "Structure {\n".to_owned();
            let mut arrays = Vec::new();
            for (at, (member, inside)) in members.into_iter().enumerate() {
                text += &member.replace('@', &format!("m{at}@"));
                arrays.extend(inside.into_iter().map(|(name, wire, sizes)| {
                    (
                        name.split('.').map(|part| part.replace('@', &format!("m{at}@"))).collect::<Vec<_>>().join("."),
                        wire,
                        sizes,
                    )
                }));
            }
            let arrays = arrays.into_iter().map(|(name, wire, sizes)| (format!("@.{name}"), wire, sizes)).collect();
            (text + "} @;\n", arrays)
        })
    })
}

proptest! {
    #[test]
    fn a_printed_dds_is_read_back(declared in prop::collection::vec(declarations(), 0..4), cut in any::<prop::sample::Index>()) {
        let mut text = "dataset {\n".to_owned();
        let mut expected = Vec::new();
        for (at, (piece, arrays)) in declared.into_iter().enumerate() {
            text += &piece.replace('@', &format!("v{at}"));
            expected.extend(arrays.into_iter().map(|(name, wire, sizes)| (name.replace('@', &format!("v{at}")), wire, sizes)));
        }
        text += "} d;";
        let found = Dataset::from_dap2(text.as_bytes(), b"Attributes {}").unwrap();
        let arrays: Vec<_> = found.variables.iter().map(|v| (v.name.clone(), v.wire, v.shape().unwrap().sizes().to_vec())).collect();
        prop_assert_eq!(arrays, expected);
        for v in &found.variables {
            let named = v.dimensions.iter().all(|d| d.name == Some(format!("n {}", d.size)));
            prop_assert!(named);
            prop_assert_eq!(v.projection.as_str(), &v.name);
        }
        let cut = cut.index(text.len());
        let error = Dataset::from_dap2(&text.as_bytes()[..cut], b"Attributes {}").unwrap_err();
        prop_assert!(matches!(error, ParseError::Ended { at, .. } if at.byte <= cut), "{:?}", error);
    }

    #[test]
    fn any_text_is_read_and_written_by_libdap_escapes(text in any::<String>()) {
        let escaped: String = text.bytes().map(|byte| match byte {
            b'"' => "\\\"".to_owned(),
            b'\\' => "\\\\".to_owned(),
            0x20..0x7f => char::from(byte).to_string(),
            byte => format!("\\{byte:03o}"),
        }).collect();
        let found = dataset("Byte v;", &format!("v {{ String t \"{escaped}\"; Int32 after 1; }}"));
        prop_assert_eq!(found.variables[0].attributes.text("t"), Some(text.as_str()));
        prop_assert_eq!(found.warnings.len(), 0);
    }

    #[test]
    fn noise_never_panics(noise in "[ \n\"\\\\{};,<>#=\\[\\]a-cByteInt32 GridStructure]{0,300}") {
        let _ = Dataset::from_dap2(format!("Dataset {{{noise}").as_bytes(), b"Attributes {}");
        let _ = Dataset::from_dap2(b"Dataset {} d;", format!("Attributes {{{noise}").as_bytes());
    }
}
