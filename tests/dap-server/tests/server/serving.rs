//! What it serves.

use dap_server::{Array, Dataset, Server, prism, prism::Field, samples};

use crate::{floats, get, halves, start, text};

#[tokio::test]
async fn prism_looks_like_prism() {
    let server = Server::start([prism::dataset(144)]).await.unwrap();
    let url = server.url("prism");
    let (status, dds) = text(&format!("{url}.dds")).await;
    assert_eq!(status, 200);
    assert!(dds.contains("        Float32 ppt[time = 144][lat = 621][lon = 1405];\n"), "{dds}");
    assert!(dds.contains("    Float32 time_bnds[time = 144][tbnd = 2];\n"), "{dds}");
    assert!(dds.ends_with("} prism;\n"), "{dds}");
    let (_, das) = text(&format!("{url}.das")).await;
    for line in [
        "        Float32 _FillValue -9999.0;\n",
        "        Int32 _ChunkSizes 1, 23, 44;\n",
        "        String units \"days since 1895-01-01 00:00:00\";\n",
        "    DODS_EXTRA {\n        String Unlimited_Dimension \"time\";\n    }\n",
    ] {
        assert!(das.contains(line), "{line}{das}");
    }
}

#[tokio::test]
async fn every_value_of_a_slab_is_the_formula() {
    let server = Server::start([prism::dataset(144)]).await.unwrap();
    let url = server.url("prism");
    let (status, headers, body) = get(&format!("{url}.dods?tmx.tmx[7:2:13][0:620][0:1404]")).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(headers["content-length"], body.len().to_string());
    assert_eq!(headers["content-description"], "dods_data");
    let (dds, data) = halves(&body);
    assert_eq!(
        dds,
        "Dataset {\n    Structure {\n        Float32 tmx[time = 4][lat = 621][lon = 1405];\n    } tmx;\n} prism;\n"
    );
    let count = 4 * 621 * 1405u32;
    assert_eq!(data[..4], count.to_be_bytes());
    assert_eq!(data[4..8], count.to_be_bytes());
    let mut found = floats(&data[8..]).into_iter();
    assert_eq!(found.len(), usize::try_from(count).unwrap());
    for t in [7, 9, 11, 13] {
        for y in 0..prism::LAT {
            for x in 0..prism::LON {
                assert_eq!(found.next(), Some(prism::value(Field::Tmx, t, y, x)));
            }
        }
    }
}

#[tokio::test]
async fn a_grid_brings_its_maps() {
    let server = Server::start([prism::window(3, 64, 96)]).await.unwrap();
    let url = server.url("prism");
    let query = "ppt%5B1%5D%5B2:3%5D%5B60:3:66%5D";
    let (_, _, body) = get(&format!("{url}.dods?{query}")).await.unwrap();
    let (dds, data) = halves(&body);
    assert!(dds.contains("    Grid {\n      Array:\n        Float32 ppt[time = 1][lat = 2][lon = 3];\n      Maps:\n        Float32 time[time = 1];\n"), "{dds}");
    let found = floats(data);
    let places = [(2, 60), (2, 63), (2, 66), (3, 60), (3, 63), (3, 66)];
    let expected = places.map(|(y, x)| prism::value(Field::Ppt, 1, y, x));
    assert_eq!(found[2..8], expected);
    assert_eq!(found[10], 31.0);
    assert_eq!(found[13..15], [prism::latitude(2), prism::latitude(3)]);
    assert_eq!(found[17..], [60, 63, 66].map(prism::longitude));
}

#[tokio::test]
async fn types_are_as_long_as_they_say() {
    let server = Server::start([samples::types(), samples::sequence()]).await.unwrap();
    let (status, headers, body) = get(&format!("{}.dods", server.url("types"))).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(headers["content-length"], body.len().to_string());
    let (_, member) = text(&format!("{}.dds?outer.inner.depth,u8_vector[1:2:3]", server.url("types"))).await;
    assert_eq!(
        member,
        "Dataset {\n    Byte u8_vector[n = 2];\n    Structure {\n        Structure {\n            Float64 depth;\n        } inner;\n    } outer;\n} types;\n"
    );
    let (_, _, nan) = get(&format!("{}.dods?f32_scalar", server.url("types"))).await.unwrap();
    assert_eq!(halves(&nan).1, [0x7F, 0xA0, 0x12, 0x34]);
    let sequence = server.url("sequence");
    assert!(text(&format!("{sequence}.dds")).await.1.contains("    } profiles;\n"));
    assert_eq!(text(&format!("{sequence}.dods?profiles")).await.0, 400);
    assert_eq!(get(&format!("{sequence}.dods?x")).await.unwrap().0, 200);
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let server = start().await;
    let url = server.url("tiny");
    for (asked, expected) in [
        ("tiny.dods?u", 400),
        ("tiny.dods?t[5]", 400),
        ("tiny.dds?t[0][0]", 400),
        ("tiny.dods?t[0", 400),
        ("tiny.html", 404),
        ("tiny", 404),
        ("huge.dds", 404),
    ] {
        let (status, headers, body) = get(&server.url(asked)).await.unwrap();
        assert_eq!(status, expected, "{asked}");
        assert_eq!(headers["content-description"], "dods_error");
        assert!(body.starts_with(b"Error {\n    code = 40"), "{asked}");
        assert!(body.ends_with(b"\";\n};\n"), "{asked}");
    }
    assert!(text(&format!("{url}.ver")).await.1.contains("dods/"));
}

#[tokio::test]
async fn a_contradiction_does_not_start() {
    let wrong = Dataset::new("wrong").with(Array::new("a", [("x", 2)], [1u8]));
    let error = Server::start([wrong]).await.unwrap_err();
    assert_eq!(error.to_string(), "dataset `wrong` cannot be served");
}

#[tokio::test]
async fn it_counts() {
    let server = start().await;
    let url = server.url("tiny");
    let client = reqwest::Client::builder().user_agent("me/1").build().unwrap();
    for suffix in [".dds", ".das", ".dods?t%5B0:1%5D", ".dods?t"] {
        let response = client.get(format!("{url}{suffix}")).send().await.unwrap();
        response.bytes().await.unwrap();
    }
    let stats = server.stats();
    assert_eq!((stats.dds, stats.das, stats.dods, stats.answered), (1, 1, 2, 2));
    assert_eq!(stats.constraints, ["tiny?t[0:1]", "tiny?t"]);
    assert_eq!((stats.user_agent.as_str(), stats.max_in_flight), ("me/1", 1));
    let (_, json) = text(&server.url("_stats")).await;
    assert!(json.contains("\"dods\": 2, "), "{json}");
    assert!(json.contains("\"constraints\": [\"tiny?t[0:1]\", \"tiny?t\"]"), "{json}");
    server.reset_stats();
    assert_eq!(server.stats().dods, 0);
}

#[tokio::test]
async fn it_stops() {
    let server = start().await;
    let url = server.url("tiny.dds");
    assert!(get(&url).await.is_ok());
    server.stop().await;
    assert!(get(&url).await.is_err());
}
