use dap::Dataset;

use super::{json, line, text::text};

const URL: &str = "http://h/thredds/dodsC/dataset";

fn dataset(dds: &str, das: &str) -> Dataset {
    Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap()
}

fn shown(dds: &str, das: &str) -> String {
    text(URL, &dataset(dds, das), false)
}

/// What servers publish, shared with the planner's tests.
macro_rules! published {
    ($name:literal) => {
        dataset(
            include_str!(concat!("../../../shared/run/tests/advice/", $name, ".dds")),
            include_str!(concat!("../../../shared/run/tests/advice/", $name, ".das")),
        )
    };
}

fn longest(text: &str) -> usize {
    text.lines().map(line::width).max().unwrap()
}

const PRISM_DDS: &str = "Dataset {
    Grid { Array: Float32 tmx[time = 1512][lat = 621][lon = 1405]; Maps: Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405]; } tmx;
    Grid { Array: Int16 ppt[time = 1512][lat = 621][lon = 1405]; Maps: Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405]; } ppt;
    Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405];
    Float32 time_bnds[time = 1512][tbnd = 2];
    Int32 odd[lat = 7]; String name[4]; Byte anonymous[10];
} prism;";
const PRISM_DAS: &str = "Attributes {
    NC_GLOBAL { String title \"PRISM\"; String Conventions \"CF-1.4\"; String summary \"line one\nline two\"; }
    tmx { Float32 _FillValue -9999.0; Float32 missing_value 1e20; String units \"degC\"; String long_name \"Maximum temperature\"; Int32 _ChunkSizes 1, 23, 44; }
    ppt { Float32 scale_factor 0.1; String units \"mm/month\"; String standard_name \"precipitation_amount\"; Int32 _ChunkSizes 1, 23, 44; }
    time { String bounds \"time_bnds\"; String units \"days since 1895-01-01\"; }
    lat { String units \"degrees_north\"; } lon { String units \"degrees_east\"; }
    DODS_EXTRA { String Unlimited_Dimension \"time\"; }
}";

#[test]
fn a_grid_at_a_glance() {
    insta::assert_snapshot!(shown(PRISM_DDS, PRISM_DAS));
}

#[test]
fn every_attribute_on_demand() {
    insta::assert_snapshot!(text(URL, &dataset(PRISM_DDS, PRISM_DAS), true));
}

#[test]
fn packed_variables_of_a_reanalysis() {
    insta::assert_snapshot!(text(URL, &published!("era5"), false));
}

#[test]
fn a_curvilinear_ocean() {
    insta::assert_snapshot!(text(URL, &published!("ocean"), false));
}

#[test]
fn stations_with_text() {
    insta::assert_snapshot!(text(URL, &published!("station"), false));
}

#[test]
fn published_datasets_fit_the_terminal() {
    let all = [
        published!("prism"),
        published!("era5"),
        published!("ocean"),
        published!("gridmet"),
        published!("station"),
        published!("series"),
        published!("many"),
    ];
    for dataset in all {
        assert_eq!(dataset.warnings, [""; 0], "{}", dataset.name);
        let shown = text(URL, &dataset, false);
        assert!(longest(&shown) <= 100, "{shown}");
    }
}

#[test]
fn what_cannot_be_converted_is_said_in_few_lines() {
    let texts = (0..40).map(|n| format!("String remark_{n}[row = 5]; ")).collect::<Vec<_>>().concat();
    let dds = format!(
        "Dataset {{ {texts} Sequence {{ Int32 i; }} soundings; Int64 wide[row = 5]; Int32 kept[row = 5]; \
         Int32 a%2Fb[row = 5]; Int32 short[row = 4]; }} d;"
    );
    insta::assert_snapshot!(shown(&dds, "Attributes { remark_1 { String units \"1\"; } nobody { Int32 x 1; } }"));
}

#[test]
fn an_empty_dataset() {
    insta::assert_snapshot!(shown("Dataset { } empty;", "Attributes { }"));
}

/// Many variables with names and units that are long.
#[test]
fn three_hundred_variables() {
    let names = (0..300).map(|n| format!("a_rather_long_name_for_a_variable_{n:03}"));
    let dimensions = "[member = 20][time = 480][level = 37][lat = 361][lon = 720]";
    let dds = names.clone().map(|name| format!("Float32 {name}{dimensions};")).collect::<Vec<_>>().concat();
    let attributes = "String units \"kg m-2 s-1 of something\"; String long_name \"A long name that says what the \
                      variable is about in more words than fit\"; Int32 _ChunkSizes 1, 1, 37, 361, 720;";
    let das = names.map(|name| format!("{name} {{ {attributes} }}")).collect::<Vec<_>>().concat();
    let shown = shown(&format!("Dataset {{ {dds} }} d;"), &format!("Attributes {{ {das} }}"));
    assert_eq!(shown.lines().count(), 300 + 15, "{shown}");
    assert!(longest(&shown) <= 120, "{shown}");
    assert!((0..300).all(|n| shown.contains(&format!("_variable_{n:03} "))), "names stay apart: {shown}");
}

#[test]
fn thousands_of_variables_on_their_own_dimensions_take_no_time() {
    let dds = (0..9_000).map(|n| format!("Float32 v{n}[x{n} = {}];", n + 1)).collect::<Vec<_>>().concat();
    let shown = shown(&format!("Dataset {{ {dds} }} d;"), "Attributes { }");
    assert!(shown.contains("x39 40, and 8,960 more"), "{}", shown.lines().take(20).collect::<Vec<_>>().join("\n"));
}

#[test]
fn hostile_names_and_texts_stay_text() {
    let long = "n".repeat(255);
    let dds = format!(
        "Dataset {{ Float32 bell%07[t\u{1b}c = 3]; Float32 es\u{1b}c[x = 3]; Float64 \u{202e}evil[x = 3]; \
         Float32 {long}[x = 3]; Byte wide%E6%B5%B7[x = 3]; Byte ok[x = 3]; }} d;"
    );
    let das = "Attributes { \
        ok { String units \"\u{1b}]0;owned\u{7}\"; String long_name \"one\\ntwo\u{9b}31m\"; } \
        NC_GLOBAL { String title \"\u{1b}[31mred\u{202e}\"; String \u{1b}x \"it's \\\"quoted\\\"\r\n\"; \
        String Conventions \"CF\u{8}\"; } nobody\u{1b} { Int32 x 1; } }";
    let dataset = dataset(&dds, das);
    let shown = text(URL, &dataset, true);
    assert!(shown.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{shown:?}");
    let json = json::printable(&json::document(URL, &dataset));
    assert!(json.chars().all(|c| !(c.is_control() || c == '\u{202e}')), "{json:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), json::document(URL, &dataset));
    insta::assert_snapshot!(shown);
}

#[test]
fn sizes_of_a_stranger_do_not_overflow() {
    let most = i64::MAX;
    let dds = format!("Dataset {{ Float64 a[x = {most}]; Float64 b[x = {most}]; Float64 c[x = {most}]; }} d;");
    let mut dataset = dataset(&dds, &format!("Attributes {{ a {{ Int32 _ChunkSizes {}; }} }}", i32::MAX));
    dataset.variables[0].source_chunks = Some(vec![u64::MAX, u64::MAX]);
    let document = json::document(URL, &dataset);
    assert_eq!(document["bytes"], u64::MAX);
    assert_eq!(document["variables"][0]["source_chunk_bytes"], u64::MAX);
    assert!(text(URL, &dataset, false).contains("18447 PB uncompressed"));
}

#[test]
fn json_says_what_the_tables_say() {
    let document = json::document(URL, &dataset(PRISM_DDS, PRISM_DAS));
    let of = |name: &str| document["variables"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap();
    assert_eq!(document["title"], "PRISM");
    assert_eq!(document["dimensions"]["lat"], 621, "the first variable decides");
    assert_eq!((&of("tmx")["kind"], &of("time_bnds")["kind"]), (&"data".into(), &"coordinate".into()));
    assert_eq!((&of("tmx")["packed"], &of("ppt")["packed"]), (&false.into(), &true.into()));
    assert_eq!(of("tmx")["source_chunk_bytes"], 4 * 23 * 44);
    assert_eq!(of("time")["source_chunk_bytes"], serde_json::Value::Null);
}
